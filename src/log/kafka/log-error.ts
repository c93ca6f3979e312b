import { SyncError } from '../../errors.ts'
import { type TlsFault, tlsFaultOf } from '../../tls-fault.ts'

/** What kafkajs throws: the protocol's name of the error is in `type`, often some causes down. */
interface KafkaError extends Error {
  readonly type?: string
  readonly originalError?: unknown
  /** `host:port`, of some errors of a connection. */
  readonly broker?: string
  /** Of others. */
  readonly host?: string
  readonly port?: number
}

const AUTH_TYPES = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
])
const TOO_LARGE_TYPES = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
const PROTOCOL_TYPES = new Set(['INCONSISTENT_GROUP_PROTOCOL', 'UNSUPPORTED_VERSION', 'INVALID_GROUP_ID'])

/** The chain of an error and its causes, outermost first. */
function* chain(error: unknown): Generator<KafkaError> {
  const seen = new Set<unknown>()
  for (let next = error; next instanceof Error && !seen.has(next); ) {
    seen.add(next)
    const found: KafkaError = next
    yield found
    next = found.cause ?? found.originalError
  }
}

/** `REBALANCE_IN_PROGRESS` and its like; undefined when no broker said anything. */
export function protocolErrorOf(error: unknown): string | undefined {
  for (const each of chain(error)) if (each.type) return each.type
  return undefined
}

export function isTooLarge(error: unknown): boolean {
  return TOO_LARGE_TYPES.has(protocolErrorOf(error) ?? '')
}

/** The broker does not have this request at all. */
export function isUnsupported(error: unknown): boolean {
  return [...chain(error)].some(({ name }) => name === 'KafkaJSServerDoesNotSupportApiKey')
}

/** @param doing what was tried, and where, as in "cannot append to topic x (Kafka at kafka-1:9093)". */
export function logError(error: unknown, doing: string): SyncError {
  if (error instanceof SyncError) return error
  const type = protocolErrorOf(error) ?? ''
  const at = brokerOf(error)
  const what = at === undefined || doing.includes(at) ? doing : `${doing}: ${at}`
  const fault = tlsFault(error)
  if (fault) {
    return new SyncError('fatal', 'LOG_TLS', `${what}: ${fault.reason}: ${fault.advice}`, { cause: error })
  }
  const reason = error instanceof Error ? error.message : String(error)
  if (AUTH_TYPES.has(type) || isRefusal(error)) {
    return new SyncError('fatal', 'LOG_AUTH', `${what}: Kafka refuses us (${reason}): check log.sasl and the ACLs`, {
      cause: error,
    })
  }
  if (PROTOCOL_TYPES.has(type)) {
    return new SyncError('fatal', 'LOG_PROTOCOL', `${what}: ${reason}: is another client using the group?`, {
      cause: error,
    })
  }
  const advice = hungUp(error, type)
    ? 'are the brokers up, and do log.tls and log.sasl fit the port?'
    : 'are the brokers up?'
  return new SyncError('retryable', 'LOG_UNAVAILABLE', `${what}: ${reason}: ${advice}`, { cause: error })
}

function brokerOf(error: unknown): string | undefined {
  for (const { broker, host, port } of chain(error)) {
    if (broker !== undefined) return broker
    if (host !== undefined && port !== undefined) return `${host}:${port}`
  }
  return undefined
}

function tlsFault(error: unknown): TlsFault | undefined {
  for (const each of chain(error)) {
    const fault = tlsFaultOf(each, { tls: 'log.tls', address: 'log.brokers' })
    if (fault) return fault
  }
  return undefined
}

const LOST = /connection|not connected|timed out/i

/** kafkajs gives this name also to a connection that broke while the password was checked: that is no refusal. */
function isRefusal(error: unknown): boolean {
  return [...chain(error)].some(
    ({ name, message }) => name === 'KafkaJSSASLAuthenticationError' && !LOST.test(message.replace(/^.*?failed: /, '')),
  )
}

/** What brokers do, without a word, to who speaks TLS to a port without or the other way round, or brings no password. */
function hungUp(error: unknown, type: string): boolean {
  if (type === 'ILLEGAL_SASL_STATE') return true
  return [...chain(error)].some(
    ({ name, message }) => name === 'KafkaJSConnectionClosedError' || /before secure TLS connection/.test(message),
  )
}
