import type { Config } from '../config/config.ts'
import { openEngine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { assemble } from './assemble.ts'
import { DeadLetters } from './dead-letters.ts'
import { LocalOperations } from './local-operations.ts'
import type { Operations } from './operations.ts'
import { Redactor } from './redact.ts'
import { WriteLedger } from './write-ledger.ts'

/** The same operations on the stored log and state, when no daemon runs. */
export async function openOffline(
  config: Config,
  env: Environment,
): Promise<{ operations: Operations; close(): Promise<void> }> {
  const engine = await openEngine(config, env)
  const assembly = assemble(config, engine, env, env.uuid())
  const operations = new LocalOperations({
    assembly,
    engine,
    env,
    ledger: new WriteLedger(engine.state),
    deadLetters: new DeadLetters({
      log: engine.log,
      state: engine.state,
      clock: env.clock,
      topics: assembly.names,
      redactor: new Redactor(config.secrets),
      configHash: config.hash,
    }),
  })
  return {
    operations,
    async close() {
      await assembly.close()
      await engine.close()
    },
  }
}
