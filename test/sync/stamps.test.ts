import { afterEach, describe, expect, it } from 'vitest'
import type { SyncConfig } from '../../src/config/config.ts'
import { PEOPLE, SyncBench } from '../support/sync-bench.ts'
import { until } from '../support/until.ts'

let bench: SyncBench
afterEach(() => bench.stop())

const person = (key: string, jobTitle: string) => ({ name: { firstName: 'A', lastName: key }, jobTitle })
// A text field of a person that nothing else here uses.
const CONFIG: SyncConfig = { ...PEOPLE, right: { ...PEOPLE.right, stateField: 'avatarUrl' } }

describe('the state of a pair, written back', () => {
  it('goes along with a write, or alone, once per change of the pair, and starts nothing (P6)', async () => {
    bench = await SyncBench.start({
      left: [person('p1', 'same'), person('p2', 'left')],
      right: [person('p1', 'same'), person('p2', 'right')],
    })
    const runner = bench.run(CONFIG)
    const states = () => bench.people('right').map(row => row.avatarUrl)
    await until(() => states().every(state => state === 'synced') && runner.isIdle && runner.status.due === 0)
    const writes = () => bench.right.recordCalls().filter(({ method }) => method !== 'GET').length
    const before = writes()
    expect(bench.people('right').map(row => row.jobTitle)).toEqual(['same', 'left'])
    expect(bench.left.recordCalls().filter(({ method }) => method !== 'GET')).toEqual([])

    for (const { id } of bench.people('right')) await bench.tell('right', id, ['avatarUrl'])
    // Comes after them in the same topic, so they have been heard when it is.
    const user = bench.right.twenty.asUser(String(bench.right.twenty.members[0]!.id))
    const last = bench.people('right')[0]!.id
    user.update('people', last, { name: { firstName: 'Edited', lastName: 'p1' } })
    await bench.tell('right', last, ['name'])
    await until(() => bench.people('left').some(row => (row.name as { firstName: string }).firstName === 'Edited'))
    await until(() => runner.isIdle && runner.status.due === 0)
    // The edit makes a new agreement: one stamp more, and no other write.
    expect(writes()).toBe(before + 1)
  })

  it('says since when', async () => {
    bench = await SyncBench.start({ left: [person('p1', 'left')], right: [person('p1', 'right')] })
    const runner = bench.run({ ...PEOPLE, right: { ...PEOPLE.right, syncedAtField: 'avatarUrl' } })
    await until(() => bench.people('right')[0]!.jobTitle === 'left' && runner.isIdle && runner.status.due === 0)
    const since = Date.parse(String(bench.people('right')[0]!.avatarUrl))
    expect(Math.abs(since - bench.left.env.clock.now())).toBeLessThan(60_000)
  })
})
