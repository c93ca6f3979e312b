import { SyncError } from '../../errors.ts'
import type { ProcessResult } from '../processor.ts'

/** What a function of the author's returned, as JSON. @throws SyncError rejected `CODE_RESULT`. */
export function resultOf(result: unknown, names: ReadonlySet<string>, where: string): ProcessResult {
  if (result === undefined || result === null) return {}
  if (typeof result !== 'object' || Array.isArray(result)) {
    throw unusable(where, 'returned no map; return { name: value }, or { skip: reason }')
  }
  if ('skip' in result && !names.has('skip')) {
    if (typeof result.skip === 'string' && result.skip !== '') return { skip: result.skip }
    throw unusable(where, 'returned `skip` without a reason; it is the text that is counted')
  }
  for (const name of Object.keys(result)) {
    if (!names.has(name)) throw unusable(where, `returned "${name}"; add it to \`adds\``)
  }
  return { names: asJson(result, where) }
}

/** Dates become text; what JSON cannot hold is refused rather than lost. */
function asJson(result: object, where: string): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(result, refuse)) as Record<string, unknown>
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause)
    throw unusable(where, `returned what JSON cannot hold: ${message}`, cause)
  }
}

function refuse(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${key} is ${value}`)
  if (typeof value === 'function' || typeof value === 'symbol') throw new Error(`${key} is a ${typeof value}`)
  // Copied key by key, such a key would reach a prototype.
  return key === '__proto__' ? undefined : value
}

function unusable(where: string, what: string, cause?: unknown): SyncError {
  return new SyncError('rejected', 'CODE_RESULT', `${where} ${what}`, cause === undefined ? {} : { cause })
}
