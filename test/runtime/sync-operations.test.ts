import { afterEach, describe, expect, it } from 'vitest'
import type { LinkListQuery, ReconcileProgress } from '../../src/runtime/sync-reports.ts'
import type { Decision } from '../../src/sync/decisions.ts'
import { HELD, OperationsBench, person } from '../support/operations-bench.ts'
import { until } from '../support/until.ts'

let bench: OperationsBench
afterEach(() => bench.stop())

const decide = (id: string, kind: Exclude<Decision['kind'], 'take' | 'pair'>) =>
  bench.operations.resolveConflict({ id, decision: { kind } })
const whyNot = async (side: 'left' | 'right', id: string) => {
  const { findings } = await bench.operations.whyNot({ system: side, object: 'person', id })
  return findings.map(({ verdict, next }) => [verdict, next])
}

/** Ada is on both sides with two titles; Grace is equal. */
async function contested() {
  bench = await OperationsBench.start({
    left: [person('Byron', 'Analyst'), person('Hopper')],
    right: [person('Byron', 'Countess'), person('Hopper')],
  })
  const [conflict] = await bench.operations.listConflicts({})
  return conflict!.link
}

describe('links', () => {
  const signal = new AbortController().signal
  const list = async (query: LinkListQuery, operations = bench.operations) => {
    const links: string[] = []
    for await (const { state, left, right } of operations.listLinks(query, signal)) {
      const name = bench.bench.people('left').find(({ id }) => id === left.id)?.name ?? { lastName: 'nobody' }
      links.push(`${(name as { lastName: string }).lastName} ${state} ${right.id ?? '-'}`)
    }
    return links.sort()
  }

  it('are listed with the records of both sides, of all, by record and by state, with and without a daemon', async () => {
    await contested()
    const byron = `Byron waits for a person ${bench.idOf('right', 'Byron')}`
    const hopper = `Hopper in step ${bench.idOf('right', 'Hopper')}`
    expect(await list({})).toEqual([byron, hopper])
    expect(await list({ sync: 'people' }, bench.offline())).toEqual([byron, hopper])
    expect(await list({ record: bench.idOf('left', 'Hopper') })).toEqual([hopper])
    expect(await list({ record: bench.idOf('right', 'Byron').slice(0, -1) })).toContain(byron)
    expect(await list({ record: 'nobody has it' })).toEqual([])
    expect(await list({ state: 'in step' })).toEqual([hopper])
    expect(await list({ state: 'alone' })).toEqual([])
    expect(await list({ limit: 1 })).toHaveLength(1)
    expect(() => bench.operations.listLinks({ sync: 'poeple' }, signal)).toThrow('Did you mean "people"?')
  })

  it('leave out what ended, unless it is asked for', async () => {
    const id = await contested()
    await decide(id, 'unlink')
    const right = bench.idOf('right', 'Byron')
    const unlinked = `Byron unlinked ${right}`
    expect(await list({})).toEqual([`Hopper in step ${bench.idOf('right', 'Hopper')}`])
    expect(await list({ all: true })).toContain(unlinked)
    expect(await list({ state: 'unlinked' })).toEqual([unlinked])
    expect(await list({ record: right })).toEqual([unlinked])
  })
})

describe('contested fields', () => {
  it('are listed and shown with both values and the commands that decide', async () => {
    const id = await contested()
    const listed = await bench.operations.listConflicts({ sync: 'people', kind: 'ask' })
    expect(listed).toMatchObject([{ link: id, sync: 'people', kind: 'ask', fields: ['jobTitle'] }])
    expect(await bench.operations.listConflicts({ kind: 'delete' })).toEqual([])
    const shown = await bench.operations.showLink({ id: id.slice(0, 6) })
    expect(shown).toMatchObject({ id, state: 'waits for a person', conflict: { kind: 'ask' } })
    expect(shown.fields.find(({ name }) => name === 'jobTitle')).toMatchObject({
      held: { kind: 'ask', left: { value: 'Analyst' }, right: { value: 'Countess' } },
    })
    expect(shown.suggestions.map(({ command }) => command)).toEqual([
      `twenty-sync conflicts resolve ${id.slice(0, 8)} --take left`,
      `twenty-sync conflicts resolve ${id.slice(0, 8)} --take right`,
    ])
  })

  it('take a side, which lands on the other one, and the other way round when a person thinks again', async () => {
    const id = await contested()
    const decision = { kind: 'take' as const, side: 'left' }
    const decided = await bench.operations.resolveConflict({ id: bench.idOf('right', 'Byron'), by: 'Jo', decision })
    expect(decided).toEqual({
      link: id,
      sync: 'people',
      acting: true,
      does: 'jobTitle: left stands',
      undo: '--take right --field jobTitle',
    })
    await until(() => bench.titleOf('right', 'Byron') === 'Analyst')
    expect(await bench.operations.listConflicts({})).toEqual([])
    const why = await bench.operations.why({ system: 'left', object: 'person', id: bench.idOf('left', 'Byron') })
    expect(why.syncs[0]!.fields.find(({ name }) => name === 'jobTitle')).toMatchObject({
      agreed: { value: 'Analyst', from: 'left', by: 'Jo' },
      why: { rule: 'a person took left', by: 'Jo', lost: { side: 'right', value: 'Countess' } },
    })
    await bench.rest()
    const back = { kind: 'take' as const, side: 'right', fields: ['jobTitle'] }
    await bench.operations.resolveConflict({ id, decision: back })
    await until(() => bench.titleOf('left', 'Byron') === 'Countess')
    expect(bench.titleOf('right', 'Byron')).toBe('Countess')
  })

  it('refuse what does not fit, and say what would', async () => {
    const id = await contested()
    await expect(decide(id, 'delete')).rejects.toMatchObject({ code: 'NOT_DECIDABLE' })
    await expect(decide(id, 'retry')).rejects.toThrow('it waits as "ask"')
    const misspelt = { kind: 'take' as const, side: 'left', fields: ['jobTitel'] }
    await expect(bench.operations.resolveConflict({ id, decision: misspelt })).rejects.toThrow(
      'Did you mean "jobTitle"?',
    )
    const nowhere = { kind: 'take' as const, side: 'rigth' }
    await expect(bench.operations.resolveConflict({ id, decision: nowhere })).rejects.toThrow('Did you mean "right"?')
    await expect(bench.operations.showLink({ id: 'nobody' })).rejects.toMatchObject({ code: 'NO_SUCH_LINK' })
    await expect(bench.operations.showLink({ id: '' })).rejects.toMatchObject({ code: 'NO_SUCH_LINK' })
    expect(bench.titleOf('right', 'Byron')).toBe('Countess')
  })

  it('are decided on the stored state too, and landed by whoever runs next (P2)', async () => {
    const id = await contested()
    const decided = await bench.offline().resolveConflict({ id, decision: { kind: 'take', side: 'left' } })
    expect(decided.acting).toBe(false)
    expect(await bench.offline().showLink({ id })).toMatchObject({ state: 'to be written' })
    expect(bench.titleOf('right', 'Byron')).toBe('Countess')
    bench.bench.run(HELD, { owner: 'next' })
    await until(() => bench.titleOf('right', 'Byron') === 'Analyst')
  })
})

describe('a deletion that is held', () => {
  async function deleted() {
    bench = await OperationsBench.start({ left: [person('Byron')], right: [person('Byron')] })
    return bench.remove('left', 'Byron')
  }

  it('goes over when a person says so, but not over an edit that came after the word (P7)', async () => {
    const id = await deleted()
    expect(bench.titleOf('right', 'Byron')).toBe('same')
    expect(await whyNot('left', id)).toEqual([['held', expect.stringContaining('twenty-sync conflicts show')]])
    await bench.offline().resolveConflict({ id, decision: { kind: 'delete' } })
    await bench.edit('right', 'Byron', 'edited')
    await until(async () => (await bench.operations.listConflicts({}))[0]?.message?.includes('after a person') ?? false)
    expect(bench.titleOf('right', 'Byron')).toBe('edited')
    await decide(id, 'delete')
    await until(() => bench.idOf('right', 'Byron') === undefined)
    await bench.rest()
    expect(await whyNot('left', id)).toEqual([['deleted', undefined]])
  })

  it('is taken back out of the trash, with what the other side has by then', async () => {
    const id = await deleted()
    await bench.edit('right', 'Byron', 'edited')
    await bench.rest()
    expect((await decide(id, 'recreate')).does).toContain('out of the trash')
    await until(() => bench.titleOf('left', 'Byron') === 'edited')
    expect(bench.idOf('left', 'Byron')).toBe(id)
    await bench.rest()
    expect(await bench.operations.listConflicts({})).toEqual([])
  })

  it('makes a new record where the trash has it no more; what is told late of the old one does nothing (P7)', async () => {
    const id = await deleted()
    bench.user('left').destroy('people', id)
    expect((await decide(id, 'recreate')).does).toContain('a new id')
    await until(() => bench.idOf('left', 'Byron') !== undefined)
    await bench.rest()
    const fresh = bench.idOf('left', 'Byron')
    expect(fresh).not.toBe(id)
    await bench.bench.log.append('left', [
      {
        id: 'late',
        type: 'person.updated',
        source: '/left',
        subject: `person/${id}`,
        time: '2020-01-01T00:00:00.000Z',
        key: id,
        data: { id, updatedAt: '2020-01-01T00:00:00.000Z', name: { firstName: 'Old', lastName: 'Byron' } },
      },
    ])
    await until(async () => (await bench.report()).lag === 0)
    await bench.rest()
    expect(bench.bench.people('left')).toHaveLength(1)
    expect(bench.bench.people('right')).toHaveLength(1)
    expect(await bench.operations.showLink({ id: fresh })).toMatchObject({ state: 'in step' })
    expect(await bench.operations.listConflicts({})).toEqual([])
  })

  it('leaves both as they are when they are unlinked, for good, and can be linked again', async () => {
    const id = await deleted()
    expect((await decide(id, 'unlink')).undo).toBe('--relink')
    await bench.edit('right', 'Byron', 'edited')
    await until(async () => (await bench.report()).lag === 0)
    await bench.rest()
    expect(bench.idOf('left', 'Byron')).toBeUndefined()
    expect(bench.titleOf('right', 'Byron')).toBe('edited')
    expect(await whyNot('left', id)).toEqual([['unlinked', expect.stringContaining('--relink')]])
    await decide(id, 'relink')
    await until(async () => (await bench.operations.listConflicts({ kind: 'delete' })).length === 1)
  })
})

describe('a record that a side does not find', () => {
  /** Destroyed there, of which nobody told, and then edited on the other side. */
  async function missing() {
    bench = await OperationsBench.start({ left: [person('Byron')], right: [person('Byron')] })
    const id = bench.idOf('right', 'Byron')
    bench.user('right').destroy('people', id)
    await bench.edit('left', 'Byron', 'edited')
    await until(async () => (await bench.operations.listConflicts({ kind: 'missing' })).length === 1)
    return id
  }

  it('is no deletion: the other one stays, and nothing is made anew (P7)', async () => {
    const id = await missing()
    await bench.rest()
    expect(bench.titleOf('left', 'Byron')).toBe('edited')
    expect(bench.bench.people('right')).toEqual([])
    const shown = await bench.operations.showLink({ id })
    expect(shown).toMatchObject({ state: 'waits for a person', conflict: { kind: 'missing' } })
    expect(shown.suggestions.map(({ command }) => command.split(' ').at(-1))).toEqual([
      '--retry',
      '--recreate',
      '--unlink',
    ])
  })

  it('is looked for again when a person says so, and written where it is there again', async () => {
    const id = await missing()
    expect((await decide(id, 'retry')).does).toBe('its record is looked for again')
    await until(async () => (await bench.operations.listConflicts({ kind: 'missing' })).length === 1)
    await bench.rest()
    bench.user('right').create('people', { ...person('Byron'), id })
    await decide(id, 'retry')
    await until(() => bench.titleOf('right', 'Byron') === 'edited')
    await bench.rest()
    expect(bench.bench.people('right')).toMatchObject([{ id }])
    expect(await bench.operations.listConflicts({})).toEqual([])
  })

  it('is made anew once when a person says so; what is told late of the old one does nothing (P3, P7)', async () => {
    const id = await missing()
    expect((await decide(id, 'recreate')).does).toContain('is created again, with a new id')
    await until(() => bench.titleOf('right', 'Byron') === 'edited')
    await bench.rest()
    const fresh = bench.idOf('right', 'Byron')
    expect(fresh).not.toBe(id)
    await bench.bench.log.append('right', [
      {
        id: 'late',
        type: 'person.destroyed',
        source: '/right',
        subject: `person/${id}`,
        time: new Date().toISOString(),
        key: id,
        data: { id, name: { firstName: 'A', lastName: 'Byron' } },
      },
    ])
    await until(async () => (await bench.report()).lag === 0)
    await bench.rest()
    expect(bench.bench.people('left')).toHaveLength(1)
    expect(bench.bench.people('right')).toHaveLength(1)
    expect(await bench.operations.showLink({ id: fresh })).toMatchObject({ state: 'in step' })
    expect(await bench.operations.listConflicts({})).toEqual([])
  })
})

describe('ambiguous records', () => {
  async function ambiguous() {
    bench = await OperationsBench.start({
      left: [person('Byron', 'one'), person('Byron', 'two')],
      right: [person('Byron', 'one')],
    })
    const [one, two] = bench.bench.people('left').sort((a, b) => String(a.jobTitle).localeCompare(String(b.jobTitle)))
    return { one: one!.id, two: two!.id, right: bench.idOf('right', 'Byron') }
  }

  it('are shown with those that share the key', async () => {
    const { one, two, right } = await ambiguous()
    const shown = await bench.operations.showLink({ system: 'left', object: 'person', id: one })
    expect(shown.conflict?.kind).toBe('ambiguous')
    expect(shown.sameKey?.map(({ system, id }) => `${system} ${id}`).sort()).toEqual(
      [`left ${two}`, `right ${right}`].sort(),
    )
  })

  it('are paired by a person; the one that is left stands apart and gets a counterpart of its own (P3)', async () => {
    const { one, two, right } = await ambiguous()
    await bench.operations.resolveConflict({ id: one, decision: { kind: 'pair', record: right } })
    await bench.rest()
    expect(await bench.operations.showLink({ id: right })).toMatchObject({ left: { id: one }, state: 'in step' })
    const taken = bench.operations.resolveConflict({ id: two, decision: { kind: 'pair', record: right } })
    await expect(taken).rejects.toMatchObject({ code: 'ALREADY_PAIRED' })
    const nobody = bench.operations.resolveConflict({
      id: two,
      decision: { kind: 'pair', record: '00000000-0000-4000-8000-000000000000' },
    })
    await expect(nobody).rejects.toMatchObject({ code: 'NO_SUCH_RECORD' })
    await decide(two, 'apart')
    await until(() => bench.bench.people('right').length === 2)
    await bench.rest()
    expect(await bench.operations.listConflicts({})).toEqual([])
    expect(bench.bench.people('left')).toHaveLength(2)
    expect((await bench.report()).pairs).toBeGreaterThan(0)
  })
})

describe('the limit of the hour', () => {
  it('holds creates, says how many wait and lets them pass (P7)', async () => {
    const config = { ...HELD, guard: { creates: 2, updates: 10, deletes: 1 } }
    bench = await OperationsBench.start({ left: ['a', 'b', 'c', 'd', 'e'].map(key => person(key)), right: [] }, config)
    expect(bench.bench.people('right')).toHaveLength(2)
    expect(await bench.report()).toMatchObject({ guarded: { creates: 3 }, state: 'running', matched: true, due: 3 })
    const waits = bench.bench
      .people('left')
      .filter(({ name }) => !bench.idOf('right', (name as { lastName: string }).lastName))
    expect(await whyNot('left', waits[0]!.id)).toEqual([['guard', 'twenty-sync pass people --creates 3']])
    expect(await bench.operations.passGuard({ sync: 'people', creates: 1 })).toEqual({
      creates: 1,
      updates: 0,
      deletes: 0,
    })
    await until(() => bench.bench.people('right').length === 3)
    await bench.rest()
    expect(await bench.operations.passGuard({ sync: 'people' })).toEqual({ creates: 2, updates: 0, deletes: 0 })
    await until(() => bench.bench.people('right').length === 5)
  })
})

describe('reconcile', () => {
  const compare = async (operations = bench.operations, query = {}) => {
    const items: ReconcileProgress[] = []
    const signal = new AbortController().signal
    for await (const item of operations.reconcile({ sync: 'people', ...query }, signal)) items.push(item)
    return items
  }

  it('tells how far each side is read, and ends with the report', async () => {
    bench = await OperationsBench.start({ left: [person('a'), person('b')], right: [person('a'), person('b')] })
    bench.user('left').update('people', bench.idOf('left', 'a'), { jobTitle: 'new' })
    const items = await compare()
    expect(items.slice(0, 2)).toMatchObject([
      { side: 'left', seen: 2, name: { system: 'left', object: 'person' } },
      { side: 'right', seen: 2 },
    ])
    expect(items.at(-1)).toMatchObject({ report: { equal: 1, differs: { left: 1 }, repairing: 1 } })
    await until(() => bench.titleOf('right', 'a') === 'new')
    expect((await bench.report()).reconciled?.report.equal).toBe(1)
  })

  it('only compares when no daemon runs', async () => {
    bench = await OperationsBench.start({ left: [person('a')], right: [person('a')] })
    bench.user('left').update('people', bench.idOf('left', 'a'), { jobTitle: 'new' })
    const items = await compare(bench.offline(), { apply: true })
    expect(items.at(-1)).toMatchObject({ report: { differs: { left: 1 }, repairing: 0 } })
    expect((await bench.report()).reconciled).toBeUndefined()
    await expect(bench.operations.showLink({ id: bench.idOf('left', 'a') })).resolves.toMatchObject({
      state: 'in step',
    })
  })

  it('throws what stops it', async () => {
    bench = await OperationsBench.start({ left: [], right: [] })
    expect(() => bench.operations.reconcile({ sync: 'poeple' }, new AbortController().signal)).toThrow(
      'Did you mean "people"?',
    )
  })
})

describe('why not', () => {
  it('tells records that nobody uses from those that never came, and from those in step', async () => {
    bench = await OperationsBench.start({ left: [person('a')], right: [person('a')] })
    const unused = await bench.operations.whyNot({ system: 'left', object: 'company', id: 'x' })
    expect(unused.findings.map(({ verdict }) => verdict)).toEqual(['not used'])
    expect((await whyNot('left', 'x')).map(([verdict]) => verdict)).toEqual(['never arrived', 'never arrived'])
    expect((await whyNot('left', bench.idOf('left', 'a'))).map(([verdict]) => verdict)).toEqual(['in step'])
    await expect(whyNot('lift' as 'left', 'x')).rejects.toMatchObject({ code: 'NO_SUCH_SYSTEM' })
  })

  it('knows an echo of our own write from a late event', async () => {
    bench = await OperationsBench.start({ left: [person('a')], right: [person('a')] })
    await bench.edit('left', 'a', 'new')
    await until(() => bench.titleOf('right', 'a') === 'new')
    const right = bench.idOf('right', 'a')
    await bench.bench.tell('right', right, ['jobTitle'])
    await until(async () => (await bench.report()).lag === 0)
    await bench.rest()
    expect((await whyNot('right', right)).map(([verdict]) => verdict)).toEqual(['echo'])
    const why = await bench.operations.why({ system: 'right', object: 'person', id: right })
    const title = why.syncs[0]!.fields.find(({ name }) => name === 'jobTitle')
    expect(title?.why).toMatchObject({ rule: 'only change', from: 'left', place: 'left/0/0' })
  })

  it('says when `where` leaves a record out', async () => {
    bench = await OperationsBench.start({ left: [person('a')], right: [person('a')] })
    const left = bench.idOf('left', 'a')
    const { store } = bench.runner.context
    const { id } = await bench.operations.showLink({ id: left })
    await store.transact(async transaction => {
      const link = (await transaction.link(id))!
      link.left!.takesPart = false
      link.left!.problem = 'left.where: there is no field "x"'
      await transaction.put(link, { due: false })
    })
    // The same for whoever asks about the other record of the pair.
    for (const [side, record] of [
      ['left', left],
      ['right', bench.idOf('right', 'a')],
    ] as const) {
      const { findings } = await bench.operations.whyNot({ system: side, object: 'person', id: record })
      expect(findings).toMatchObject([{ verdict: 'filtered', says: 'left.where: there is no field "x"' }])
    }
  })
})
