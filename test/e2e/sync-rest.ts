import { afterAll, beforeAll, describe } from 'vitest'
import { type SandboxRest, startSandboxRest } from '../../sandbox/rest/server.ts'
import { type EngineName, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { type Contact, type OtherSide, syncScenario } from './sync-scenario.ts'

/** Twenty and an API that chooses its own ids, has ETags and counts whole seconds. */
export function describeRestSync(engine: EngineName): void {
  describe(`Twenty and a REST API in step, on ${engine}`, () => {
    let rest: SandboxRest
    let stack: Stack
    beforeAll(async () => {
      rest = await startSandboxRest({ settings: { etags: true, granularityMs: 1000, unique: ['email'] } })
      rest.seed('contacts', [wireOf({ first: 'Ada', last: 'Byron', email: 'ada@example.com', title: 'Analyst' })])
      stack = await startStack({
        engine,
        configs: ['test/e2e/config/sync-rest.yaml'],
        env: { ERP_URL: rest.url, ERP_TOKEN: rest.token, ERP_WEBHOOK_SECRET: 'erp-secret' },
      })
      stack.twenty.faults.rateLimit.enabled = false
      rest.settings.webhook = { url: `${stack.url}/hooks/erp`, secret: 'erp-secret', record: true, changes: true }
    }, 120_000)
    afterAll(async () => {
      await stack?.stop()
      await rest?.stop()
    })

    syncScenario(() => ({ stack, other: sideOf(rest) }))
  })
}

function sideOf(rest: SandboxRest): OtherSide {
  const user = rest.asUser('Erna')
  return {
    contacts: async () => rest.rows('contacts').map(contactOf),
    create: async contact => {
      user.create('contacts', wireOf(contact))
    },
    update: async (id, change) => {
      user.update('contacts', id, wireOf(change))
    },
    remove: async id => user.delete('contacts', id),
  }
}

function wireOf({ first, last, email, title }: Partial<Omit<Contact, 'id'>>): Record<string, unknown> {
  return {
    ...(first !== undefined && { first_name: first }),
    ...(last !== undefined && { last_name: last }),
    ...(email !== undefined && { email }),
    ...(title !== undefined && { title }),
  }
}

function contactOf(row: Record<string, unknown>): Contact {
  const text = (value: unknown) => String(value ?? '')
  return {
    id: text(row.id),
    first: text(row.first_name),
    last: text(row.last_name),
    email: text(row.email),
    title: text(row.title),
  }
}
