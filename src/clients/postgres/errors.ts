import { type ErrorKind, SyncError } from '../../errors.ts'

interface Answered {
  readonly kind: ErrorKind
  readonly code: string
  readonly advice: string
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html; five letters before their class of two. */
const ANSWERS: readonly (readonly [string, Answered])[] = [
  ['42501', { kind: 'fatal', code: 'POSTGRES_AUTH', advice: 'give the role this right' }],
  ['28', { kind: 'fatal', code: 'POSTGRES_AUTH', advice: 'check user and password of `url`' }],
  ['3D', { kind: 'fatal', code: 'POSTGRES_AUTH', advice: 'check the database of `url`' }],
  ['42P01', { kind: 'fatal', code: 'POSTGRES_SCHEMA', advice: 'check `tables`, or make the table' }],
  ['42703', { kind: 'fatal', code: 'POSTGRES_SCHEMA', advice: 'the table was changed; check the names of columns' }],
  ['22', { kind: 'rejected', code: 'INVALID_VALUE', advice: 'mend the value' }],
  ['23', { kind: 'rejected', code: 'POSTGRES_REFUSED', advice: 'mend the values, or the constraint' }],
  ['57014', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'raise `timeout` when it happens often' }],
  ['08', { kind: 'retryable', code: 'CONNECTION_LOST', advice: 'it is tried again' }],
  ['25', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'the server takes no writes now; is it a standby?' }],
  ['40', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'it is tried again' }],
  ['53', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'it is tried again' }],
  ['55', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'it is tried again' }],
  ['57P', { kind: 'retryable', code: 'CONNECTION_LOST', advice: 'it is tried again' }],
  ['58', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'look into the log of the server' }],
  ['XX', { kind: 'retryable', code: 'SERVER_ERROR', advice: 'look into the log of the server' }],
]

const OTHER: Answered = { kind: 'rejected', code: 'POSTGRES_REFUSED', advice: 'mend the values' }

/** What a server said, when it was the server: its state of five letters, and for a constraint its name. */
export interface Said {
  readonly state: string
  readonly constraint?: string
}

export function saidBy(thrown: unknown): Said | undefined {
  if (!(thrown instanceof Error)) return undefined
  const { code, constraint, severity } = thrown as Error & { code?: unknown; constraint?: unknown; severity?: unknown }
  if (typeof code !== 'string' || severity === undefined || !/^[0-9A-Z]{5}$/.test(code)) return undefined
  return { state: code, ...(typeof constraint === 'string' && { constraint }) }
}

/**
 * @param stage `connecting`: no statement was sent. `reading`: it has no effect. `writing`: without an answer it may have
 * had its effect.
 */
export function errorOf(system: string, thrown: unknown, stage: 'connecting' | 'reading' | 'writing'): SyncError {
  if (thrown instanceof SyncError) return thrown
  const said = saidBy(thrown)
  const message =
    thrown instanceof Error ? thrown.message || String((thrown as { code?: unknown }).code) : String(thrown)
  if (!said) return unanswered(system, thrown, message, stage)
  const answer = ANSWERS.find(([states]) => said.state.startsWith(states))?.[1] ?? OTHER
  return new SyncError(answer.kind, answer.code, `${system}: ${message} (${said.state}); ${answer.advice}`, {
    cause: thrown,
    details: said,
    // A server that goes down may have committed before it said so.
    outcomeUnknown: stage === 'writing' && answer.code === 'CONNECTION_LOST',
  })
}

function unanswered(system: string, thrown: unknown, message: string, stage: string): SyncError {
  if (stage === 'connecting') {
    return new SyncError(
      'retryable',
      'CONNECTION_FAILED',
      `${system}: ${message}; check url, network and certificate`,
      {
        cause: thrown,
      },
    )
  }
  return new SyncError('retryable', 'CONNECTION_LOST', `${system}: ${message}`, {
    cause: thrown,
    outcomeUnknown: stage === 'writing',
  })
}
