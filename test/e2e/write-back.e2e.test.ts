import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type Stack, startStack } from '../../scripts/stack/stack.ts'

describe('a flow that writes to the records it reads (P6)', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startStack({ engine: 'embedded', configs: ['test/e2e/config/write-back.yaml'] })
    stack.twenty.faults.rateLimit.enabled = false
  }, 60_000)
  afterAll(() => stack?.stop())

  const titles = () => stack.twenty.rows('people').map(row => String(row.jobTitle))
  const notes = () => stack.twenty.rows('notes').map(row => String(row.title))

  it('does not start itself again, by webhook or by poll, while another flow sees the write', async () => {
    const person = stack.twenty.asUser(String(stack.twenty.members[0]!.id))
    const { id } = person.create('people', { name: { firstName: 'Ada', lastName: 'L' } })
    await eventually(
      'scored once',
      () => titles().every(title => title.startsWith('scored at')) && notes().length === 1,
    )
    const [first] = titles()
    // Two polls and every webhook later it is still that one write.
    const polls = () =>
      stack.twenty.calls.filter(call => call.method === 'GET' && call.path.startsWith('/rest/people')).length
    const before = polls()
    await eventually('two more polls', () => polls() >= before + 2)
    await stack.settled()
    expect(titles()).toEqual([first])
    expect(notes()).toEqual([`seen ${first}`])

    person.update('people', String(id), { jobTitle: 'edited by a person' })
    await eventually(
      'a person’s edit is scored again',
      () => titles()[0] !== first && titles()[0]!.startsWith('scored at'),
    )
    await stack.settled()
    expect(notes()).toContain('seen edited by a person')
    expect(notes()).toHaveLength(3)
  }, 90_000)

  it('does not loop when every webhook comes twice, late and in the wrong order', async () => {
    const { webhooks } = stack.twenty.faults
    Object.assign(webhooks, { duplicates: 1, reorderWithinMs: 300, jitterMs: 200 })
    const person = stack.twenty.asUser(String(stack.twenty.members[0]!.id))
    const people = Array.from({ length: 10 }, (_, n) =>
      person.create('people', { name: { firstName: `P${n}`, lastName: 'X' } }),
    )
    await eventually(
      'all scored',
      () => titles().filter(title => title.startsWith('scored at')).length === people.length + 1,
    )
    await stack.twenty.waitForDeliveries()
    await stack.settled()
    const writes = stack.twenty.rows('people').map(row => [row.id, row.jobTitle])
    await stack.settled()
    expect(stack.twenty.rows('people').map(row => [row.id, row.jobTitle])).toEqual(writes)
  }, 90_000)
})
