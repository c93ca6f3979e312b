import type { Environment } from '../../environment.ts'
import type { EventLog } from '../event-log.ts'
import type { KafkaLogConfig } from './client.ts'
import { registerCodecs } from './codecs.ts'
import { KafkaLog } from './kafka-log.ts'
import { DEFAULT_TIMINGS, type KafkaTimings } from './timings.ts'

/**
 * The log on Kafka. Connects on first use, so that a daemon starts while the brokers are away.
 * @param timings for tests, which want faster rebalances.
 */
export async function openKafkaLog(
  config: KafkaLogConfig,
  { env, timings }: { env: Environment; timings?: Partial<KafkaTimings> },
): Promise<EventLog> {
  await registerCodecs()
  return new KafkaLog(config, env, { ...DEFAULT_TIMINGS, ...timings })
}
