import type { Config, Problem } from '../config/config.ts'
import { inMemory } from '../config/in-memory.ts'
import { openEngine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'
import { type Assembly, assemble } from './assemble.ts'

/** How long `verifyLive` waits for the answers of all systems. */
const WAIT_MS = 10_000

/** Asks all systems at once. One that does not answer in time says nothing about the config. */
export async function verifySystems(assembly: Assembly, ask: Assembly['verify'], env: Environment, withinMs: number) {
  const ending = new AbortController()
  const cancel = env.clock.after(withinMs, () => ending.abort(), { background: true })
  const problems: Problem[] = []
  const unreachable: { system: string; message: string }[] = []
  const verify = async (system: string) => {
    const late = new Promise<never>((_, reject) => {
      onAbort(ending.signal, () =>
        reject(new SyncError('retryable', 'TIMEOUT', `no answer within ${withinMs / 1000} s`)),
      )
    })
    try {
      problems.push(...(await Promise.race([ask(system, ending.signal), late])))
    } catch (thrown) {
      unreachable.push({ system, message: asSyncError(thrown).message })
    }
  }
  await Promise.all([...assembly.systems.keys()].map(verify))
  cancel()
  return { problems, unreachable }
}

/** What the live systems say about a config, without starting anything. */
export async function verifyLive(config: Config, env: Environment, signal: AbortSignal) {
  signal.throwIfAborted()
  const engine = await openEngine(inMemory(config), env)
  const assembly = assemble(config, engine, env, 'validate')
  try {
    const ask: Assembly['verify'] = async (...system) => [
      ...(await assembly.verify(...system)),
      ...(await assembly.verifyReads(...system)),
    ]
    return await verifySystems(assembly, ask, env, WAIT_MS)
  } finally {
    await assembly.close()
    await engine.close()
  }
}
