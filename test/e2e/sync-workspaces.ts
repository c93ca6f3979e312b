import { afterAll, beforeAll, describe } from 'vitest'
import { type SandboxTwenty, startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { type EngineName, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { syncScenario, twentySide } from './sync-scenario.ts'

/** Twenty and another workspace of Twenty. */
export function describeWorkspaceSync(engine: EngineName): void {
  describe(`two Twenty workspaces in step, on ${engine}`, () => {
    let branch: SandboxTwenty
    let stack: Stack
    beforeAll(async () => {
      branch = await startSandboxTwenty()
      branch.faults.rateLimit.enabled = false
      await twentySide(branch).create({ first: 'Ada', last: 'Byron', email: 'ada@example.com', title: 'Analyst' })
      stack = await startStack({
        engine,
        configs: ['test/e2e/config/sync-workspaces.yaml'],
        env: { BRANCH_URL: branch.url, BRANCH_API_KEY: branch.apiKey, BRANCH_WEBHOOK_SECRET: 'branch-secret' },
      })
      stack.twenty.faults.rateLimit.enabled = false
    }, 120_000)
    afterAll(async () => {
      await stack?.stop()
      await branch?.stop()
    })

    syncScenario(() => ({ stack, other: twentySide(branch) }))
  })
}
