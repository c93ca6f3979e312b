import { afterAll, beforeAll, describe, it } from 'vitest'
import { CONFIGS, USE_CASE_SCENES } from '../../scripts/demo/use-case-scenes.ts'
import { type EngineName, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { describeBadInputs, seedCompanies } from './bad-inputs.ts'
import { staysWhenAllComesAgain } from './redelivery.ts'

const LONG_MS = 180_000

/** All shipped configs on one daemon, as a process of its own, against every stand-in. */
export function describeUseCases(engine: EngineName): void {
  describe(`the ten use cases on the ${engine} engine`, () => {
    let stack: Stack
    beforeAll(async () => {
      stack = await startStack({ engine, configs: CONFIGS, everything: true, unlimited: true })
      seedCompanies(stack)
    }, LONG_MS)
    afterAll(() => stack?.stop())

    for (const scene of USE_CASE_SCENES) {
      it(
        `${scene.title}; and nothing twice when every webhook comes again (P3)`,
        async () => {
          await scene.play(stack)
          await staysWhenAllComesAgain(stack)
        },
        LONG_MS,
      )
    }

    describeBadInputs(() => stack)

    it(
      'write nothing twice when webhooks come again after kill -9 (P3)',
      async () => {
        await staysWhenAllComesAgain(stack, async () => {
          await stack.daemon.end('SIGKILL')
          await stack.daemon.start()
        })
      },
      LONG_MS,
    )
  })
}
