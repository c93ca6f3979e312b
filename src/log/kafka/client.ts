import type { ConnectionOptions } from 'node:tls'
import { type ISocketFactory, Kafka, type SASLOptions } from 'kafkajs'
import type { Logger } from 'pino'
import type { LogConfig } from '../../config/config.ts'
import {
  type Cluster,
  createKafkaLogger,
  defaultSocketFactory,
  KafkaCluster,
  type KafkaLogEntry,
  READ_COMMITTED,
} from './kafkajs-internals.ts'

export type KafkaLogConfig = Extract<LogConfig, { type: 'kafka' }>

/** What every connection to these brokers has in common. */
export interface KafkaClient {
  readonly kafka: Kafka
  /** What was tried, with where: "cannot list topics (Kafka at kafka-1:9093)". */
  at(doing: string): string
  /** A fresh set of connections. A blocked request holds up its connection, so every subscription has its own. */
  newCluster(): Cluster
}

const METADATA_MAX_AGE_MS = 60_000
/** Few tries and short waits: the loops above decide how long to go on. Given in full, as tests change the defaults. */
const RETRY = { retries: 4, initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 1_000 }

export function kafkaClient(config: KafkaLogConfig, logger: Logger): KafkaClient {
  const log = logger.child({ component: 'kafkajs' })
  const logCreator = () => (entry: KafkaLogEntry) => writeLog(log, entry)
  const connection = {
    brokers: [...config.brokers],
    clientId: config.clientId,
    ssl: tlsOf(config),
    sasl: saslOf(config),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    reauthenticationThreshold: 10_000,
    requestTimeout: 30_000,
    enforceRequestTimeout: true,
    retry: RETRY,
    socketFactory: quietSocketFactory(),
  }
  return {
    at: doing => `${doing} (Kafka at ${config.brokers.join(', ')})`,
    kafka: new Kafka({ ...connection, logLevel: 4, logCreator }),
    newCluster: () =>
      new KafkaCluster({
        ...connection,
        logger: createKafkaLogger({ level: 4, logCreator }),
        metadataMaxAge: METADATA_MAX_AGE_MS,
        allowAutoTopicCreation: false,
        maxInFlightRequests: null,
        isolationLevel: READ_COMMITTED,
      }),
  }
}

/** kafkajs takes leave of a socket once a try, and each time leaves a listener behind, which dies with the socket. */
function quietSocketFactory(): ISocketFactory {
  const open = defaultSocketFactory()
  return options => open(options).setMaxListeners(0)
}

function tlsOf({ tls }: KafkaLogConfig): ConnectionOptions | boolean {
  if (tls === undefined) return false
  if (tls === true) return true
  const { ca, cert, key, rejectUnauthorized } = tls
  return { ca, cert, key, rejectUnauthorized }
}

function saslOf({ sasl }: KafkaLogConfig): SASLOptions | undefined {
  if (!sasl) return undefined
  const { mechanism, username, password } = sasl
  return { mechanism, username, password } as SASLOptions
}

/** kafkajs calls an error what it then tries again: what matters is told by the log's own messages. */
function writeLog(log: Logger, { namespace, log: entry }: KafkaLogEntry): void {
  const { message, error, broker, groupId, retryCount } = entry
  log.debug({ namespace, error, broker, group: groupId, retryCount }, message)
}
