import { randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { type KafkaService, startKafka } from '../../scripts/services/kafka.ts'
import { systemClock } from '../../src/environment/clock.ts'
import type { Cancel, Clock, Environment } from '../../src/environment.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import type { KafkaLogConfig } from '../../src/log/kafka/client.ts'
import { openKafkaLog } from '../../src/log/kafka/open.ts'
import type { KafkaTimings } from '../../src/log/kafka/timings.ts'

/** Set to `debug` to see what kafkajs says. */
const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })

export const realEnvironment: Environment = {
  clock: systemClock,
  random: Math.random,
  uuid: randomUUID,
  http: async () => {
    throw new Error('no HTTP here')
  },
  logger,
}

/** Rebalances within a second; 6 s is the shortest session that brokers allow unless told otherwise. */
export const QUICK: Partial<KafkaTimings> = { sessionMs: 6_000, heartbeatMs: 200, commitMs: 100, fetchWaitMs: 100 }

export function kafkaConfig(brokers: readonly string[], given: Partial<KafkaLogConfig> = {}): KafkaLogConfig {
  return {
    type: 'kafka',
    prefix: 'test',
    retentionMs: 86_400_000,
    brokers,
    clientId: 'twenty-sync-test',
    partitions: 3,
    replication: 1,
    compression: 'none',
    ...given,
  }
}

export function openTestLog(
  kafka: Pick<KafkaService, 'brokers'>,
  given: Partial<KafkaLogConfig> = {},
  timings: Partial<KafkaTimings> = {},
  clock: Clock = systemClock,
): Promise<EventLog> {
  const env = { ...realEnvironment, clock }
  return openKafkaLog(kafkaConfig(kafka.brokers, given), { env, timings: { ...QUICK, ...timings } })
}

/** A broker that was started for the tests allows sessions of a second; others of six. */
export function shortSession(kafka: Pick<KafkaService, 'kind'>): Partial<KafkaTimings> {
  return { sessionMs: kafka.kind === 'external' ? 6_000 : 2_000 }
}

/** The machine's clock until it stops: from then on no timer fires, as in a process that was killed. */
export class MortalClock implements Clock {
  #stopped = false
  #late: (() => void)[] = []

  now(): number {
    return systemClock.now()
  }

  elapsed(): number {
    return systemClock.elapsed()
  }

  after(ms: number, fire: () => void): Cancel {
    return systemClock.after(ms, () => this.#whenAlive(fire))
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal)
    await new Promise<void>(resolve => this.#whenAlive(resolve))
  }

  stop(): void {
    this.#stopped = true
  }

  /** What fell due meanwhile fires now, as in a process that was suspended. */
  goOn(): void {
    this.#stopped = false
    for (const fire of this.#late.splice(0)) fire()
  }

  #whenAlive(fire: () => void): void {
    if (this.#stopped) this.#late.push(fire)
    else fire()
  }
}

/** Every record of the topic goes, as by retention. */
export async function deleteRecords({ brokers }: Pick<KafkaService, 'brokers'>, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends
      .filter(({ low, high }) => low !== high)
      .map(({ partition, high }) => ({ partition, offset: high }))
    if (partitions.length > 0) await admin.deleteTopicRecords({ topic, partitions })
  } finally {
    await admin.disconnect()
  }
}

/** A topic or group that nobody used before, also on a broker that lives on. */
export function freshName(what: string): string {
  return `test.${what}-${randomUUID().slice(0, 8)}`
}

export { startKafka }
