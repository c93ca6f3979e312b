import { describe, expect, it } from 'vitest'
import { type EngineName, startStack } from '../../scripts/stack/stack.ts'
import { describeMainFlow } from './main-flow.ts'

describeMainFlow('kafka', 2)

const FORMS: Record<string, string>[] = [
  { email: 'ada@one.example', name: 'Ada Lovelace', company: 'One', formId: 'a' },
  { email: 'alan@one.example', name: 'Alan Turing', formId: 'a' },
  { email: 'ADA@one.example', name: 'Someone Else', formId: 'b', message: 'second form' },
  { email: 'grace@gmail.com', name: 'Grace Hopper', formId: 'a' },
  { email: 'broken', name: 'Nobody', formId: 'a' },
  { email: 'юлия@почта.example', name: 'Юлия Иванова', formId: 'a' },
  { email: 'ada@one.example', name: 'Ada Lovelace', formId: 'a' },
]

describe('one config and one input', () => {
  it('end in the same Twenty on both engines', async () => {
    const states = []
    for (const engine of ['embedded', 'kafka'] as EngineName[]) states.push(await stateAfter(engine))
    expect(states[0]).toEqual(states[1])
    expect(states[0]).toMatchObject({
      people: expect.arrayContaining([expect.objectContaining({ email: 'ada@one.example', company: 'one.example' })]),
    })
  }, 240_000)
})

async function stateAfter(engine: EngineName) {
  const stack = await startStack({ engine, configs: ['config/web-form-leads.yaml'], unlimited: true })
  try {
    for (const form of FORMS) {
      await stack.postForm(form)
      await stack.settled()
    }
    const { twenty } = stack
    const companies = new Map(
      twenty.rows('companies').map(row => [row.id, (row.domainName as { primaryLinkUrl: string }).primaryLinkUrl]),
    )
    return {
      people: twenty
        .rows('people')
        .map(row => ({
          email: (row.emails as { primaryEmail: string }).primaryEmail,
          name: row.name,
          company: companies.get(row.companyId),
        }))
        .sort((a, b) => a.email.localeCompare(b.email)),
      companies: [...companies.values()].sort(),
      tasks: twenty
        .rows('tasks')
        .map(row => [row.title, row.bodyV2, row.status])
        .sort(),
      notes: twenty
        .rows('notes')
        .map(row => row.title)
        .sort(),
      links: [twenty.rows('taskTargets').length, twenty.rows('noteTargets').length],
    }
  } finally {
    await stack.stop()
  }
}
