import { afterEach, describe, expect, it } from 'vitest'
import type { Fields } from '../../src/event.ts'
import type { Peer } from '../../src/sync/peer.ts'
import type { ReconcileOptions } from '../../src/sync/reconcile.ts'
import type { SyncRunner } from '../../src/sync/sync-runner.ts'
import { PEOPLE, SyncBench } from '../support/sync-bench.ts'
import { until } from '../support/until.ts'
import { withMethod } from '../support/with-method.ts'

let bench: SyncBench
afterEach(() => bench.stop())

const person = (key: string, jobTitle = 'same'): Fields => ({ name: { firstName: 'A', lastName: key }, jobTitle })
const keys = (count: number) => Array.from({ length: count }, (_, at) => `p${at}`)
const options = (more: Partial<ReconcileOptions> = {}): ReconcileOptions => ({
  signal: new AbortController().signal,
  dryRun: false,
  apply: false,
  ...more,
})
const user = (side: 'left' | 'right') => bench[side].twenty.asUser(String(bench[side].twenty.members[0]!.id))
const idOf = (side: 'left' | 'right', key: string) =>
  bench.people(side).find(row => (row.name as { lastName: string }).lastName === key)!.id

async function matched(runner: SyncRunner): Promise<void> {
  await until(() => runner.status.progress.matchedAt !== undefined && runner.isIdle && runner.status.due === 0)
}

/** Twelve pairs at rest, without webhooks or polls: what changes now is found by the comparison alone. */
async function pairs(wrap?: (peer: Peer) => Peer): Promise<SyncRunner> {
  bench = await SyncBench.start({ left: keys(12).map(key => person(key)), right: keys(12).map(key => person(key)) })
  const runner = bench.run(PEOPLE, wrap && { wrap })
  await matched(runner)
  return runner
}

describe('a complete comparison', () => {
  it('tells what differs and whose side moved, repairs it, and reads each record once', async () => {
    const runner = await pairs()
    user('left').update('people', idOf('left', 'p1'), { jobTitle: 'left moved' })
    user('right').update('people', idOf('right', 'p2'), { jobTitle: 'right moved' })
    user('left').update('people', idOf('left', 'p3'), { jobTitle: 'l' })
    user('right').update('people', idOf('right', 'p3'), { jobTitle: 'r' })
    user('right').create('people', person('new'))
    bench.left.twenty.resetCalls()
    bench.right.twenty.resetCalls()
    const dry = await runner.reconcile(options({ dryRun: true }))
    expect(dry).toMatchObject({
      left: 12,
      right: 13,
      equal: 9,
      differs: { left: 1, right: 1, both: 1, neither: 0 },
      missing: { left: 1, right: 0 },
      writes: { creates: 1, updates: 3, deletes: 0 },
      repairing: 0,
    })
    expect(bench.left.recordCalls()).toHaveLength(1)
    expect(bench.right.recordCalls()).toHaveLength(1)
    expect(bench.people('left')).toHaveLength(12)

    const report = await runner.reconcile(options())
    expect(report.repairing).toBe(4)
    await until(() => runner.isIdle && runner.status.due === 0)
    const titles = (side: 'left' | 'right') =>
      bench
        .people(side)
        .map(row => `${(row.name as { lastName: string }).lastName} ${String(row.jobTitle)}`)
        .sort()
    expect(titles('left')).toEqual(titles('right'))
    expect(titles('left')).toContain('p3 l')
    expect(await runner.reconcile(options({ dryRun: true }))).toMatchObject({ equal: 13, writes: { updates: 0 } })
  })

  it('P7: an empty page that says it is all deletes nothing', async () => {
    let isEmpty = false
    const runner = await pairs(peer => {
      const list: Peer['list'] = (...args) => (isEmpty ? Promise.resolve({ records: [] }) : peer.list(...args))
      return withMethod(peer, { list })
    })
    isEmpty = true
    expect(await runner.reconcile(options())).toMatchObject({ deleted: { left: 0, right: 0 }, repairing: 0 })
    await until(() => runner.isIdle && runner.status.due === 0)
    expect(bench.people('left')).toHaveLength(12)
    expect(bench.people('right')).toHaveLength(12)
  })

  it('P7: believes a deletion that no event told of, and holds back more of them than the limit', async () => {
    const runner = await pairs()
    user('left').destroy('people', idOf('left', 'p0'))
    expect(await runner.reconcile(options())).toMatchObject({ deleted: { left: 1 }, writes: { deletes: 1 } })
    await until(() => bench.people('right').length === 11)

    for (const key of keys(12).slice(1)) user('left').destroy('people', idOf('left', key))
    const report = await runner.reconcile(options())
    expect(report).toMatchObject({ heldBack: { kind: 'deletes', count: 11, limit: 10 }, repairing: 0 })
    expect(bench.people('right')).toHaveLength(11)

    await runner.reconcile(options({ apply: true }))
    await until(() => bench.people('right').length === 0)
  })
})
