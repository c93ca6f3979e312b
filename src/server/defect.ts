import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Answer } from './answer.ts'

/**
 * Logs, once, what should not have happened, and makes the 500 that names the log line by its id.
 * P9: the message of an unforeseen error may quote a body or a secret; name, code and place are enough to find it.
 */
export function defectAnswer(
  env: Pick<Environment, 'uuid' | 'logger'>,
  facts: Readonly<Record<string, string | undefined>>,
  thrown: unknown,
): Answer {
  const id = env.uuid()
  env.logger.error({ id, ...facts, error: describe(thrown) }, 'a request failed')
  return {
    status: 500,
    body: { error: { code: 'INTERNAL', message: 'this is a defect on our side, see our log', id } },
  }
}

function describe(thrown: unknown): { name: string; code?: string; at?: string } {
  if (!(thrown instanceof Error)) return { name: typeof thrown }
  const at = thrown.stack
    ?.split('\n')
    .filter(line => /^\s+at /.test(line))
    .slice(0, 8)
    .join('\n')
  return { name: thrown.name, ...(thrown instanceof SyncError && { code: thrown.code }), ...(at && { at }) }
}
