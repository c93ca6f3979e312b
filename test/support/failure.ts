import { inspect } from 'node:util'
import { expect } from 'vitest'
import { SyncError } from '../../src/errors.ts'

/**
 * What `work` fails with, after seeing that it came within `withinMs` and that nothing of it, causes included, holds one
 * of the secrets.
 */
export async function failureOf(
  work: () => Promise<unknown>,
  { withinMs, secrets }: { withinMs: number; secrets: readonly string[] },
): Promise<Pick<SyncError, 'kind' | 'code' | 'message'>> {
  const start = performance.now()
  const error = await work().then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  )
  expect(performance.now() - start).toBeLessThan(withinMs)
  if (!(error instanceof SyncError)) throw error
  const all = inspect(error, { depth: 12, showHidden: true })
  for (const secret of secrets) expect(all).not.toContain(secret)
  expect(error.message).not.toContain('\n')
  const { kind, code, message } = error
  return { kind, code, message }
}
