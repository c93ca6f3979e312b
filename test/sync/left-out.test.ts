import { afterEach, describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Peer } from '../../src/sync/peer.ts'
import { PEOPLE, SyncBench } from '../support/sync-bench.ts'
import { until } from '../support/until.ts'
import { withMethod } from '../support/with-method.ts'

let bench: SyncBench
afterEach(() => bench.stop())

const person = (key: string, jobTitle = '') => ({ name: { firstName: 'A', lastName: key }, jobTitle })

describe('a record that cannot be judged', () => {
  it('is left out and listed with the reason, and keeps no other one from its counterpart', async () => {
    bench = await SyncBench.start({ left: [person('good', 'x'), person('bad', 'y')], right: [] })
    const config = { ...PEOPLE, left: { ...PEOPLE.left, where: "data.jobTitle == 'x' ? true : fail" } }
    const compile = () => ({
      source: '',
      names: [],
      evaluate: ({ data }: { data?: unknown }) => {
        if ((data as { jobTitle: string }).jobTitle === 'x') return true
        throw new SyncError('rejected', 'MISSING_FIELD', 'there is no field "fail"')
      },
    })
    const runner = bench.run(config, { compile })
    await until(() => bench.people('right').length === 1 && runner.isIdle && runner.status.due === 0)
    expect(await bench.conflicts(runner)).toMatchObject([
      { kind: 'where-failed', message: 'left.where: there is no field "fail"' },
    ])
  })
})

describe('an event that cannot be taken in', () => {
  it('is left out, and those of its page and after it are not (P2)', async () => {
    bench = await SyncBench.start({ left: [person('p1'), person('p2')], right: [person('p1'), person('p2')] })
    const [first, second] = bench.people('left')
    const wrap = (peer: Peer) =>
      withMethod(peer, {
        changeOf: event => {
          if (event.key === first!.id) throw new SyncError('rejected', 'INVALID_ANSWER', 'no record in it')
          return peer.changeOf(event)
        },
      })
    const runner = bench.run(PEOPLE, { wrap })
    await until(() => runner.status.progress.matchedAt !== undefined && runner.isIdle && runner.status.due === 0)
    const user = bench.left.twenty.asUser(String(bench.left.twenty.members[0]!.id))
    for (const { id } of [first!, second!]) {
      user.update('people', id, { jobTitle: 'new' })
      await bench.tell('left', id, ['jobTitle'])
    }
    await until(() => bench.people('right').some(row => row.jobTitle === 'new'))
    expect(runner.status.leftOut).toBe(1)
    // What it told is found by the complete comparison.
    await runner.reconcile({ signal: new AbortController().signal, dryRun: false, apply: false })
    await until(() => bench.people('right').every(row => row.jobTitle === 'new'))
  })
})
