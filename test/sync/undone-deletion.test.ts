import { afterEach, describe, expect, it } from 'vitest'
import type { Peer } from '../../src/sync/peer.ts'
import { PEOPLE, SyncBench } from '../support/sync-bench.ts'
import { until } from '../support/until.ts'
import { withMethod } from '../support/with-method.ts'

let bench: SyncBench
afterEach(() => bench.stop())

const person = (key: string, jobTitle: string) => ({ name: { firstName: 'A', lastName: key }, jobTitle })

describe('a record that is deleted between our look at it and a batched write', () => {
  it('P7: goes into the trash again, on both sides', async () => {
    const keys = Array.from({ length: 3 }, (_, at) => `p${at}`)
    bench = await SyncBench.start({
      left: keys.map(key => person(key, 'left')),
      right: keys.map(key => person(key, 'right')),
    })
    const user = bench.right.twenty.asUser(String(bench.right.twenty.members[0]!.id))
    const first = bench.people('right')[0]!
    let isDeleted = false
    // A batched write of Twenty brings back what is in the trash.
    const wrap = (peer: Peer) =>
      withMethod(peer, {
        write: (...args: Parameters<Peer['write']>) => {
          if (!isDeleted && args[0].some(({ id }) => id === first.id)) {
            user.softDelete('people', first.id)
            isDeleted = true
          }
          return peer.write(...args)
        },
      })
    const runner = bench.run(PEOPLE, { wrap })
    await until(() => isDeleted && bench.people('right').every(row => row.jobTitle === 'left'))
    expect(bench.people('right')).toHaveLength(3)
    await bench.tell('right', first.id, ['deletedAt', 'jobTitle'])
    await until(() => bench.people('right').length === 2 && bench.people('left').length === 2)
    expect(await bench.conflicts(runner)).toEqual([])
  })
})
