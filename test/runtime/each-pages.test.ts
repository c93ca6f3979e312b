import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { ProcessResult } from '../../src/processors/processor.ts'
import type { RunRecord } from '../../src/runtime/run.ts'
import type { EachStep, Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

type Person = { readonly id: string }

const refused = () => new SyncError('rejected', 'HTTP_422', 'not like this')
const busy = () => new SyncError('retryable', 'HTTP_503', 'busy')

function people(pages: number, size: number): Person[][] {
  return Array.from({ length: pages }, (_, page) =>
    Array.from({ length: size }, (_, at) => ({ id: `p${page * size + at}` })),
  )
}

const idOf = (scope: Record<string, unknown>) => ({ id: (scope.person as Person).id })
const idsOf = (scope: Record<string, unknown>) => ({ ids: (scope.person as Person[]).map(({ id }) => id).join() })

/** The steps of the loop, and one after it that shows the summary. */
async function started(
  bench: FlowBench,
  over: Partial<EachStep> = {},
  steps: Step[] = [bench.effect('keyed', { args: over.batch ? idsOf : idOf })],
) {
  const after = bench.effect('keyed', { id: 'after', args: scope => ({ audience: scope.audience }) })
  const flow = bench.start(bench.flow([bench.each(steps, { as: 'audience', ...over }), after]))
  const event = bench.event('a', {})
  await bench.log.append(TOPIC, [event])
  return { flow, event }
}

const audience = (bench: FlowBench) => bench.system.effects.find(({ key }) => key.includes('/after/'))?.args.audience

async function record(bench: FlowBench, id: string): Promise<RunRecord> {
  const [entry] = await bench.state.get([`{flow/leads}:run:${id}`])
  return entry?.value as RunRecord
}

async function keysLeft(bench: FlowBench, family: string): Promise<number> {
  let count = 0
  for await (const _ of bench.state.scan(`{flow/leads}:${family}:`)) count++
  return count
}

describe('`each` over pages', () => {
  it('does every item once, and tells the later steps how many', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(3, 5)
    const { flow, event } = await started(bench)
    await bench.clock.advance(1000)
    const ids = bench.system.effects.flatMap(({ args }) => (args.id ? [args.id] : []))
    expect(ids).toHaveLength(15)
    expect(new Set(ids).size).toBe(15)
    expect(audience(bench)).toEqual({ count: 15, done: 15, skipped: 0, failed: 0 })
    expect(bench.system.pageCalls).toEqual([undefined, '1', '2'])
    const { steps, status } = await record(bench, event.id)
    expect([status, Object.keys(steps)]).toEqual(['done', ['people', 'after']])
    expect(await keysLeft(bench, 'page')).toBe(0)
    await flow.stop()
  })

  it('cuts batches across the bounds of pages', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(4, 3)
    const { flow } = await started(bench, { batch: 5 })
    await bench.clock.advance(1000)
    expect(bench.system.effects.slice(0, 3).map(({ args }) => args.ids)).toEqual([
      'p0,p1,p2,p3,p4',
      'p5,p6,p7,p8,p9',
      'p10,p11',
    ])
    expect(audience(bench)).toEqual({ count: 12, done: 12, skipped: 0, failed: 0 })
    await flow.stop()
  })

  it('makes a rejected item a dead letter of its own, which is redriven alone', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(2, 3)
    let isMended = false
    bench.system.before = ({ args }) => {
      if (args.id === 'p1' && !isMended) throw refused()
    }
    const first = bench.effect('lookup', { args: scope => ({ first: idOf(scope).id }), as: 'made' })
    const second = bench.effect('keyed', { args: scope => ({ ...idOf(scope), made: scope.made, label: scope.label }) })
    const label: Step = {
      kind: 'processor',
      id: 'label',
      verb: 'transform',
      processor: { process: () => ({ names: { label: 'spring' } }) },
    }
    const after = bench.effect('keyed', { id: 'after', args: scope => ({ audience: scope.audience }) })
    const flow = bench.start(bench.flow([label, bench.each([first, second], { as: 'audience' }), after]))
    await bench.log.append(TOPIC, [bench.event('a', {})])
    await bench.clock.advance(1000)
    expect(audience(bench)).toEqual({ count: 6, done: 5, skipped: 0, failed: 1 })
    const [found, ...others] = await bench.deadLetters.list('leads')
    expect(others).toEqual([])
    expect(found?.letter).toMatchObject({
      step: 'people/p1/keyed',
      code: 'HTTP_422',
      item: { each: 'people', key: 'p1', value: { id: 'p1' } },
    })
    const before = bench.system.effects.length
    isMended = true
    await bench.deadLetters.redrive(found!.letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects.slice(before).map(({ key, args }) => [key, args])).toEqual([
      [expect.stringMatching(/^leads\/people\/p1\/keyed\//), { id: 'p1', made: { ok: true }, label: 'spring' }],
    ])
    expect((await bench.deadLetters.list('leads')).map(({ resolution }) => resolution)).toEqual(['redriven'])
    // P3: sent once more, it is known to be done.
    await bench.deadLetters.redrive((await bench.deadLetters.list('leads'))[0]!.letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(before + 1)
    await flow.stop()
  })

  it('reads again for a redriven item what may have been put right, and does nothing twice', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(1, 2)
    let isMended = false
    bench.system.before = ({ args, action }) => {
      if (action === 'keyed' && args.id === 'p1' && !isMended) throw refused()
    }
    const read = bench.effect('read', { id: 'look', args: idOf, as: 'seen' })
    const steps = [bench.effect('blind', { args: idOf }), read, bench.effect('keyed', { args: idOf })]
    const { flow } = await started(bench, {}, steps)
    await bench.clock.advance(1000)
    const before = bench.system.planCalls.length
    isMended = true
    await bench.deadLetters.redrive((await bench.deadLetters.list('leads'))[0]!.letter)
    await bench.clock.advance(1000)
    // The read and the effect that failed; not the one before.
    expect(bench.system.planCalls.length - before).toBe(2)
    expect(bench.system.effects.filter(({ args }) => args.id === 'p1')).toHaveLength(2)
    await flow.stop()
  })

  it('corrects fields of a redriven item, where it has any', async () => {
    const bench = new FlowBench()
    bench.system.pages = [[{ id: 'p0' }, 'p1']]
    bench.system.before = ({ args }) => {
      if (args.person) throw refused()
    }
    const step = bench.effect('keyed', { args: ({ person }) => ({ person }) })
    const key = {
      evaluate: ({ person }: Record<string, unknown>) => idOf({ person }).id ?? person,
      source: 'key',
      names: [],
    }
    const { flow } = await started(bench, { key }, [step])
    await bench.clock.advance(1000)
    bench.system.before = () => {}
    const letters = (await bench.deadLetters.list('leads')).map(({ letter }) => letter)
    const [record, text] = ['p0', 'p1'].map(each => letters.find(({ item }) => item!.key === each)!)
    await expect(bench.deadLetters.redrive(text!, { id: 'p9' })).rejects.toMatchObject({ code: 'NOT_A_RECORD' })
    await bench.deadLetters.redrive(record!, { name: 'Ada' })
    await bench.clock.advance(1000)
    expect(bench.system.effects.at(-1)?.args).toEqual({ person: { id: 'p0', name: 'Ada' } })
    await flow.stop()
  })

  it('counts a redriven item that fails again as the same letter', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(1, 2)
    bench.system.before = ({ args }) => {
      if (args.id === 'p1') throw refused()
    }
    const { flow } = await started(bench)
    await bench.clock.advance(1000)
    await bench.deadLetters.redrive((await bench.deadLetters.list('leads'))[0]!.letter)
    await bench.clock.advance(1000)
    const letters = await bench.deadLetters.list('leads')
    expect(letters).toMatchObject([{ resolution: 'open', letter: { attempts: 2, item: { key: 'p1' } } }])
    bench.system.before = () => {}
    await bench.deadLetters.redrive(letters[0]!.letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects.filter(({ args }) => args.id === 'p1')).toHaveLength(1)
    await flow.stop()
  })

  it('tries an item that fails for a while alone, while the others go on', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(20, 5)
    let failures = 0
    bench.system.before = async ({ args }) => {
      await bench.clock.sleep(10)
      if (args.id === 'p2' && failures++ < 6) throw busy()
    }
    const { flow } = await started(bench)
    await bench.clock.advance(200)
    expect(bench.system.effects.length).toBeGreaterThan(20)
    expect(bench.system.effects.map(({ args }) => args.id)).not.toContain('p2')
    await bench.clock.advance(20_000)
    expect(audience(bench)).toEqual({ count: 100, done: 100, skipped: 0, failed: 0 })
    await flow.stop()
  })

  it('gives an item up that goes on failing while others get through', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(20, 5)
    bench.system.before = async ({ args }) => {
      await bench.clock.sleep(10)
      if (args.id === 'p2') throw busy()
    }
    const { flow } = await started(bench)
    await bench.clock.advance(60_000)
    expect(audience(bench)).toEqual({ count: 100, done: 99, skipped: 0, failed: 1 })
    expect((await bench.deadLetters.list('leads'))[0]?.letter).toMatchObject({ code: 'HTTP_503', item: { key: 'p2' } })
    await flow.stop()
  })

  it('waits as a whole while nothing gets through, and goes on where it was', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(10, 5)
    let isAway = false
    bench.system.before = async ({ args }) => {
      await bench.clock.sleep(10)
      if (isAway) throw busy()
      if (args.id === 'p20') isAway = true
    }
    const { flow, event } = await started(bench)
    await bench.clock.advance(40 * 60_000)
    expect(await bench.deadLetters.list('leads')).toEqual([])
    expect((await record(bench, event.id)).steps.people?.each?.done).toBeLessThan(25)
    isAway = false
    bench.system.before = () => {}
    await bench.clock.advance(3 * 3_600_000)
    const ids = bench.system.effects.flatMap(({ args }) => (args.id ? [args.id] : []))
    expect([ids.length, new Set(ids).size]).toEqual([50, 50])
    expect(bench.system.pageCalls).toHaveLength(10)
    await flow.stop()
  })

  it('outlasts an outage however long it has been at work before', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(1, 60)
    bench.system.before = async ({ args }) => {
      await bench.clock.sleep(1_800_000)
      if (args.id === 'p55') throw busy()
    }
    const { flow } = await started(bench, { concurrency: 1 })
    await bench.clock.advance(29 * 3_600_000)
    bench.system.before = () => {}
    await bench.clock.advance(3_600_000)
    expect(await bench.deadLetters.list('leads')).toEqual([])
    expect(audience(bench)).toEqual({ count: 60, done: 60, skipped: 0, failed: 0 })
    await flow.stop()
  })

  it('gives up the last one that goes on failing when there is nobody else to try', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(1, 3)
    bench.system.before = ({ args }) => {
      if (args.id === 'p2') throw busy()
    }
    const { flow } = await started(bench)
    await bench.clock.advance(10 * 60_000)
    expect(audience(bench)).toEqual({ count: 3, done: 2, skipped: 0, failed: 1 })
    await flow.stop()
  })

  it('halves a batch that does not pass until what is at fault is alone', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(2, 8)
    bench.system.before = ({ args }) => {
      if (String(args.ids).split(',').includes('p5')) throw refused()
    }
    const { flow } = await started(bench, { batch: 8 })
    await bench.clock.advance(1000)
    expect(audience(bench)).toEqual({ count: 16, done: 15, skipped: 0, failed: 1 })
    expect(bench.system.effects.flatMap(({ args }) => args.ids ?? [])).toEqual([
      'p0,p1,p2,p3',
      'p4',
      'p6,p7',
      'p8,p9,p10,p11,p12,p13,p14,p15',
    ])
    expect((await bench.deadLetters.list('leads'))[0]?.letter.item).toEqual({
      each: 'people',
      key: 'p5',
      value: [{ id: 'p5' }],
    })
    await flow.stop()
  })

  it('does not divide a batch of which something was done that must not be done twice', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(1, 4)
    bench.system.before = ({ action }) => {
      if (action === 'lookup') throw refused()
    }
    const steps = [bench.effect('blind', { args: idsOf }), bench.effect('lookup', { args: idsOf })]
    const { flow } = await started(bench, { batch: 4 }, steps)
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ args }) => args.ids ?? 'after')).toEqual(['p0,p1,p2,p3', 'after'])
    expect((await bench.deadLetters.list('leads')).map(({ letter }) => letter.item?.value)).toEqual([people(1, 4)[0]])
    await flow.stop()
  })

  it('stops the flow when too many items fail, and does not try those again that have their letters', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(10, 10)
    let isBroken = true
    bench.system.before = ({ args }) => {
      if (isBroken && args.id) throw refused()
    }
    const { flow } = await started(bench, { concurrency: 1 })
    await bench.clock.advance(1000)
    expect(await flow.ended).toMatchObject({ code: 'TOO_MANY_DEAD_LETTERS' })
    expect(await bench.deadLetters.list('leads')).toHaveLength(21)
    isBroken = false
    const again = bench.start(
      bench.flow([bench.each([bench.effect('keyed', { args: idOf })], { as: 'audience', concurrency: 1 })]),
    )
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ args }) => args.id)).toEqual(
      people(1, 100)[0]!
        .slice(21)
        .map(({ id }) => id),
    )
    await again.stop()
  })

  it('with `onFailure: stop` begins no more items, and makes the event the dead letter', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(10, 10)
    bench.system.before = ({ args }) => {
      if (args.id === 'p3') throw refused()
    }
    const { flow } = await started(bench, { onFailure: 'stop', concurrency: 1 })
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ args }) => args.id)).toEqual(['p0', 'p1', 'p2'])
    const letters = await bench.deadLetters.list('leads')
    expect(letters).toMatchObject([{ letter: { step: 'people/p3/keyed', code: 'HTTP_422' } }])
    expect(letters[0]?.letter).not.toHaveProperty('item')
    bench.system.before = () => {}
    await bench.deadLetters.redrive(letters[0]!.letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects.flatMap(({ args }) => args.id ?? [])).toEqual(people(1, 100)[0]!.map(({ id }) => id))
    await flow.stop()
  })

  it('counts what a step of an item skips', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(1, 4)
    const filter: Step = {
      kind: 'processor',
      id: 'filter',
      verb: 'filter',
      processor: { process: scope => ((scope.person as Person).id === 'p1' ? { skip: 'filtered' } : { names: {} }) },
    }
    const { flow } = await started(bench, {}, [filter, bench.effect('keyed', { args: idOf })])
    await bench.clock.advance(1000)
    expect(audience(bench)).toEqual({ count: 4, done: 3, skipped: 1, failed: 0 })
    await flow.stop()
  })

  it('tells an item from one whose key begins with its own: what is known of one stays when the other ends (P3)', async () => {
    const bench = new FlowBench()
    bench.system.pages = [[{ id: 'acme.com' }, { id: 'acme.com/de' }]]
    let isAway = true
    bench.system.before = ({ args }) => {
      if (args.last === 'acme.com/de' && isAway) throw busy()
    }
    const last = bench.effect('keyed', { id: 'last', args: scope => ({ last: idOf(scope).id }) })
    const { flow } = await started(bench, {}, [bench.effect('safe', { args: idOf }), last])
    await bench.clock.advance(100)
    isAway = false
    await bench.clock.advance(30_000)
    expect(bench.system.effects.flatMap(({ args }) => args.id ?? [])).toEqual(['acme.com', 'acme.com/de'])
    expect(audience(bench)).toMatchObject({ done: 2 })
    await flow.stop()
  })

  it('refuses two items of one key', async () => {
    const bench = new FlowBench()
    bench.system.pages = [[{ id: 'x' }, { id: 'x' }]]
    const { flow } = await started(bench, { batch: 2 })
    await bench.clock.advance(1000)
    expect((await bench.deadLetters.list('leads'))[0]?.letter.code).toBe('ITEM_KEY_TWICE')
    await flow.stop()
  })

  it('ends at the next item when the flow is stopped, and goes on at the page', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(10, 10)
    bench.system.before = () => bench.clock.sleep(10)
    const { flow } = await started(bench, { concurrency: 2 })
    await bench.clock.advance(205)
    const { event: _event, ...loop } = flow.runner.loops[0]!
    expect(loop).toEqual({ step: 'people', done: bench.system.effects.length, skipped: 0, failed: 0, total: 100 })
    const stopped = flow.stop()
    await bench.clock.advance(50)
    await stopped
    expect(flow.runner.loops).toEqual([])
    expect(bench.system.effects.length).toBeLessThan(50)
    const again = bench.start(
      bench.flow([bench.each([bench.effect('keyed', { args: idOf })], { as: 'audience', concurrency: 2 })]),
    )
    await bench.clock.advance(5000)
    const ids = bench.system.effects.map(({ args }) => args.id)
    expect([ids.length, new Set(ids).size]).toEqual([100, 100])
    expect(new Set(bench.system.pageCalls).size).toBe(bench.system.pageCalls.length)
    await again.stop()
  })
})

describe('the record of a run', () => {
  it.each([1000, 4000])('stays small with %i items', async count => {
    const bench = new FlowBench()
    bench.system.pages = people(count / 100, 100)
    bench.system.before = () => bench.clock.sleep(10)
    let [largest, commits] = [0, 0]
    const { commit } = bench.state
    bench.state.commit = async writes => {
      await bench.clock.sleep(5)
      commits++
      for (const { key, value } of writes)
        if (key.includes(':run:')) largest = Math.max(largest, JSON.stringify(value).length)
      return commit.call(bench.state, writes)
    }
    const { flow } = await started(bench, { concurrency: 50 })
    await bench.clock.advance(30_000)
    expect(audience(bench)).toMatchObject({ count, done: count })
    expect(largest).toBeLessThan(8000)
    // What items side by side have to commit goes together.
    expect(commits).toBeLessThan(count / 5)
    await flow.stop()
  })
})

describe('a dedupe within a long `each`', () => {
  const dedupe: Step = {
    kind: 'processor',
    id: 'dedupe',
    verb: 'dedupe',
    remembers: true,
    processor: {
      process: async (scope, { claim }): Promise<ProcessResult> =>
        (await claim(idOf(scope).id, 86_400_000)) === 'mine' ? {} : { skip: 'duplicate' },
    },
  }

  it('leaves nothing of an item that has ended in the record, and the item is known to other events', async () => {
    const bench = new FlowBench()
    bench.system.pages = people(10, 100)
    let [largest, most] = [0, 0]
    const { commit } = bench.state
    bench.state.commit = async writes => {
      await bench.clock.sleep(5)
      most = Math.max(most, writes.length)
      for (const { key, value } of writes)
        if (key.includes(':run:')) largest = Math.max(largest, JSON.stringify(value).length)
      return commit.call(bench.state, writes)
    }
    bench.system.before = async ({ args }) => {
      await bench.clock.sleep(10)
      if (args.id === 'p7') throw refused()
    }
    const { flow } = await started(bench, { concurrency: 50 }, [dedupe, bench.effect('keyed', { args: idOf })])
    await bench.clock.advance(30_000)
    expect(audience(bench)).toEqual({ count: 1000, done: 999, skipped: 0, failed: 1 })
    expect(largest).toBeLessThan(15_000)
    expect(most).toBeLessThan(400)
    bench.system.before = () => {}
    const before = bench.system.effects.length
    await bench.log.append(TOPIC, [bench.event('b', {})])
    await bench.clock.advance(30_000)
    // What failed is nobody's: it is not kept from others by whom it was not done for.
    expect(bench.system.effects.slice(before).map(({ args }) => args.id ?? args.audience)).toEqual([
      'p7',
      { count: 1000, done: 1, skipped: 999, failed: 0 },
    ])
    await flow.stop()
  })
})

describe('a long list', () => {
  it('leaves no step records of items that have ended', async () => {
    const bench = new FlowBench()
    const list = people(1, 1000)[0]!
    const over = { evaluate: () => list, source: 'list', names: [] }
    const { flow, event } = await started(bench, { over })
    await bench.clock.advance(1000)
    const { steps } = await record(bench, event.id)
    expect(steps.people?.each).toEqual({ done: 1000, skipped: 0, failed: 0, total: 1000 })
    expect(Object.keys(steps)).toEqual(['people', 'after'])
    await flow.stop()
  })
})
