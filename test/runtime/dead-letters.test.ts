import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { chosenLetters, letterOf } from '../../src/runtime/choose-letters.ts'
import type { DeadLetter, ListedLetter } from '../../src/runtime/dead-letters.ts'
import { DeadLetters } from '../../src/runtime/dead-letters.ts'
import { Redactor } from '../../src/runtime/redact.ts'
import { benchOn, ENGINES } from '../support/engines.ts'
import { type FlowBench, TOPIC } from '../support/flow-bench.ts'

const SECRET = 'canary-secret-value'
const LETTERS = 'test.dead-letters.leads'
const MINUTE = 60_000

function refused(): SyncError {
  return new SyncError('rejected', 'HTTP_422', 'no')
}

/** A flow that refuses everything as long as `refusing` is true. */
function refusing(bench: FlowBench) {
  const control = { refusing: true }
  bench.system.before = () => {
    if (control.refusing) throw refused()
  }
  return { control, flow: bench.start(bench.flow([bench.effect('safe')])) }
}

async function only(bench: FlowBench): Promise<ListedLetter> {
  const listed = await bench.deadLetters.list('leads')
  expect(listed).toHaveLength(1)
  return listed[0]!
}

/** Everything that the topic has now is gone; the embedded engine looks once a minute. */
async function expire(bench: FlowBench, topic: string): Promise<void> {
  await bench.clock.advance(10)
  await bench.log.createTopics([{ name: topic, retentionMs: 1 }])
  await bench.clock.advance(2 * MINUTE)
  const [info] = await bench.log.describe([topic])
  expect(info!.partitions[0]!.begin).toBe(info!.partitions[0]!.end)
  await bench.log.createTopics([{ name: topic, retentionMs: -1 }])
}

describe('a flow that reads the dead letters of another', () => {
  it('gets each failure once, with the event, and is not in the other one’s way', async () => {
    const bench = await benchOn('memory')
    const { control, flow } = refusing(bench)
    const told: Fields[] = []
    const reader = bench.start(
      bench.flow(
        [
          {
            kind: 'processor',
            id: 'tell',
            verb: 'code',
            remembers: true,
            processor: {
              process: ({ data }) => {
                told.push(data as Fields)
                return {}
              },
            },
          },
          bench.effect('blind', { args: scope => ({ step: (scope.data as Fields).step }) }),
        ],
        {
          name: 'quality',
          identity: 'quality',
          group: 'test.flow.quality',
          topics: new Map([[LETTERS, undefined]]),
          redriveTopic: bench.names.redrive('quality'),
        },
      ),
    )
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1' })])
    await bench.clock.advance(1000)
    expect(told).toMatchObject([
      { flow: 'leads', step: 'safe', code: 'HTTP_422', message: 'no', attempts: 1, event: { data: { id: 't1' } } },
    ])
    const { letter } = await only(bench)
    await bench.deadLetters.redrive(letter)
    await bench.clock.advance(1000)
    expect(told).toHaveLength(2)
    expect(await bench.deadLetters.countOpen('leads')).toBe(1)
    expect(await bench.deadLetters.list('quality')).toHaveLength(2)
    control.refusing = false
    await flow.stop()
    await reader.stop()
  })
})

describe.each(ENGINES)('dead letters on the %s engine', engine => {
  it('send back the true event when its topic keeps it no longer, and show none of its secrets (P9)', async () => {
    const bench = await benchOn(engine)
    const { control, flow } = refusing(bench)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1', note: `token ${SECRET}` }, { changed: ['note'] })])
    await bench.clock.advance(1000)
    await expire(bench, TOPIC)
    const { letter } = await only(bench)
    expect(JSON.stringify(letter)).not.toContain(SECRET)
    expect(letter.event.data).toEqual({ id: 't1', note: 'token [redacted]' })
    control.refusing = false
    await bench.deadLetters.redrive(letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ args }) => args)).toEqual([{ id: 't1', note: `token ${SECRET}` }])
    await flow.stop()
  })

  it('keep bytes that are not what JSON would write, and show them in no form that redaction cannot see (P9)', async () => {
    const bench = await benchOn(engine)
    const raw = Buffer.from(`{ "note" : "${SECRET}", "n": 1.0 }`)
    const { flow } = refusing(bench)
    const odd = bench.event('a', JSON.parse(raw.toString()) as Fields, { raw })
    await bench.log.append(TOPIC, [odd])
    await bench.clock.advance(1000)
    await expire(bench, TOPIC)
    const { letter } = await only(bench)
    const shown = JSON.stringify(letter)
    expect(shown).not.toContain(SECRET)
    expect(shown).not.toContain(raw.toString('base64').slice(4, 20))
    await flow.stop()
    await bench.deadLetters.redrive(letter)
    for await (const { event } of bench.log.read('test.redrive.leads'))
      expect([event.id, Buffer.from(event.raw!).toString()]).toEqual([odd.id, raw.toString()])
  })

  it('of an older version, which kept the event redacted, refuse rather than send that (P9)', async () => {
    const bench = await benchOn(engine)
    const { flow } = refusing(bench)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1', note: SECRET })])
    await bench.clock.advance(1000)
    await flow.stop()
    for await (const { event } of bench.log.read(LETTERS)) {
      const { whole: _, ...old } = event.data as Fields & { event: Fields }
      const data = { ...old, event: { ...old.event, data: { id: 't1', note: '[redacted]' } } }
      await bench.log.append(LETTERS, [{ ...event, raw: undefined, data }])
    }
    const before = (await only(bench)).letter
    await bench.deadLetters.redrive(before)
    for await (const { event } of bench.log.read('test.redrive.leads')) expect(event.data.note).toBe(SECRET)
    await expire(bench, TOPIC)
    await expire(bench, 'test.redrive.leads')
    await expect(bench.deadLetters.redrive((await only(bench)).letter)).rejects.toMatchObject({ code: 'EVENT_GONE' })
    for await (const { event } of bench.log.read('test.redrive.leads')) throw new Error(`sent ${event.id}`)
  })

  it('stay one letter when a redriven event fails again: counted on, first time kept, last time new', async () => {
    const bench = await benchOn(engine)
    const { control, flow } = refusing(bench)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1' })])
    await bench.clock.advance(1000)
    const first = await only(bench)
    expect(first).toMatchObject({ resolution: 'open', letter: { attempts: 1 } })
    for (let times = 2; times <= 3; times++) {
      await bench.clock.advance(5 * MINUTE)
      await bench.deadLetters.redrive((await only(bench)).letter)
      expect((await only(bench)).resolution).toBe('redriven')
      await bench.clock.advance(1000)
      const again = await only(bench)
      expect(again).toMatchObject({ resolution: 'open', letter: { attempts: times } })
      const { id, firstAt, topic, offset } = first.letter
      expect(again.letter).toMatchObject({ id, firstAt, topic, offset })
      expect(again.letter.lastAt > first.letter.lastAt).toBe(true)
      expect(await bench.deadLetters.countOpen('leads')).toBe(1)
    }
    control.refusing = false
    await bench.deadLetters.redrive((await only(bench)).letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    expect((await only(bench)).resolution).toBe('redriven')
    expect(await bench.deadLetters.countOpen('leads')).toBe(0)
    await flow.stop()
  })

  it('are open again also when the second failure came before the mark of the redrive (P2)', async () => {
    const bench = await benchOn(engine)
    const { flow } = refusing(bench)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1' })])
    await bench.clock.advance(1000)
    const { letter } = await only(bench)
    const slow = new DeadLetters({
      log: bench.log,
      state: {
        get: keys => bench.state.get(keys),
        scan: prefix => bench.state.scan(prefix),
        close: () => bench.state.close(),
        commit: async writes => {
          await bench.clock.sleep(3000)
          return bench.state.commit(writes)
        },
      },
      clock: bench.clock,
      topics: bench.names,
      redactor: new Redactor([]),
      configHash: 'test',
    })
    const [same] = await slow.list('leads')
    expect(same!.letter.id).toBe(letter.id)
    const redriving = slow.redrive(same!.letter)
    await bench.clock.advance(10_000)
    await redriving
    expect(await only(bench)).toMatchObject({ resolution: 'open', letter: { attempts: 2 } })
    await flow.stop()
  })

  it('keep count and first time when the topic keeps the earlier failure no longer', async () => {
    const bench = await benchOn(engine)
    const { flow } = refusing(bench)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1' })])
    await bench.clock.advance(1000)
    const first = await only(bench)
    await bench.deadLetters.redrive(first.letter)
    await expire(bench, LETTERS)
    // The second failure was among what went; the third is there.
    await flow.stop()
    const again = refusing(bench)
    await bench.log.append('test.redrive.leads', [bench.event('a', { id: 't1' }, { id: first.letter.event.id })])
    await bench.clock.advance(1000)
    const last = await only(bench)
    expect(last).toMatchObject({ resolution: 'open', letter: { id: first.letter.id, attempts: 2 } })
    expect(last.letter.firstAt).toBe(first.letter.firstAt)
    await again.flow.stop()
  })

  it('count a failure once whose append was repeated because its answer was lost', async () => {
    const bench = await benchOn(engine)
    const { flow } = refusing(bench)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1' })])
    await bench.clock.advance(1000)
    for await (const { event } of bench.log.read(LETTERS)) await bench.log.append(LETTERS, [event])
    const { letter, resolution } = await only(bench)
    expect([letter.attempts, resolution]).toEqual([1, 'open'])
    await bench.deadLetters.discard(letter)
    expect((await only(bench)).resolution).toBe('discarded')
    await flow.stop()
  })

  it('leave out what earlier steps had added where the letter would be too large, and never the event (P2)', async () => {
    const bench = await benchOn(engine)
    await bench.log.createTopics([{ name: LETTERS, maxRecordBytes: 4000 }])
    const [logged] = await (async () => {
      await bench.log.append(TOPIC, [bench.event('a', { note: 'kept' })])
      const found = []
      for await (const each of bench.log.read(TOPIC)) found.push(each)
      return found
    })()
    const facts = { flow: 'leads', step: 's', error: refused(), attempts: 1, firstAt: 0, logged: logged! }
    await bench.deadLetters.write({ ...facts, names: { much: 'x'.repeat(5000) } })
    const { letter } = await only(bench)
    expect(letter).toMatchObject({ event: { data: { note: 'kept' } }, names: {} })
    expect(letter.details).toContain('larger than its topic takes')
  })
})

describe('the choice of letters', () => {
  const listed = (id: string, over: Partial<DeadLetter> = {}, resolution: ListedLetter['resolution'] = 'open') =>
    ({
      letter: { id, flow: 'leads', topic: 't', partition: 0, offset: 0, code: 'C', ...over },
      resolution,
    }) as ListedLetter
  const all = [
    listed('aa1', { offset: 9 }),
    listed('ab2', { offset: 3, code: 'D' }),
    listed('bb3', { offset: 5 }, 'redriven'),
  ]

  it('goes by the order in which the events lie, whatever the order of the ids, and takes none twice (P4)', () => {
    expect(chosenLetters(all, { ids: ['aa', 'bb3', 'ab', 'aa1'] }).map(({ id }) => id)).toEqual(['ab2', 'bb3', 'aa1'])
  })

  it('takes of all the open ones, of one code when told', () => {
    expect(chosenLetters(all, { all: true }).map(({ id }) => id)).toEqual(['ab2', 'aa1'])
    expect(chosenLetters(all, { all: true, code: 'D' }).map(({ id }) => id)).toEqual(['ab2'])
  })

  it('chooses none where one id is wrong or begins several', () => {
    expect(() => chosenLetters(all, { ids: ['aa1', 'zz'] })).toThrow(/no dead letter has the id "zz"/)
    expect(() => letterOf(all, 'a')).toThrow(/begins 2 dead letters: aa1, ab2/)
  })
})
