import { SyncError } from '../../errors.ts'

/** What kafkajs throws: the protocol's name of the error is in `type`, often some causes down. */
interface KafkaError extends Error {
  readonly type?: string
  readonly originalError?: unknown
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

/** @param doing what was tried, as in "cannot append to topic x". */
export function logError(error: unknown, doing: string): SyncError {
  if (error instanceof SyncError) return error
  const type = protocolErrorOf(error) ?? ''
  const reason = error instanceof Error ? error.message : String(error)
  const isAuth = AUTH_TYPES.has(type) || [...chain(error)].some(each => each.name === 'KafkaJSSASLAuthenticationError')
  if (isAuth) {
    return new SyncError('fatal', 'LOG_AUTH', `${doing}: Kafka refuses us (${reason}): check log.sasl and the ACLs`, {
      cause: error,
    })
  }
  if (PROTOCOL_TYPES.has(type)) {
    return new SyncError('fatal', 'LOG_PROTOCOL', `${doing}: ${reason}: is another client using the group?`, {
      cause: error,
    })
  }
  return new SyncError('retryable', 'LOG_UNAVAILABLE', `${doing}: ${reason}: are the brokers up?`, { cause: error })
}
