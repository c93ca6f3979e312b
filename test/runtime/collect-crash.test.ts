import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { collectSettings } from '../../src/runtime/collector.ts'
import { memoryState } from '../../src/state/memory.ts'
import { Life } from '../support/crashable.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const RECORDS = ['a', 'b', 'c']
const SECOND = 1000

/** What comes and after how long, when the process dies, and what the outside system answers. */
const schedule = fc.record({
  events: fc.array(fc.record({ record: fc.constantFrom(...RECORDS), after: fc.constantFrom(0, 0, 5, 40) }), {
    minLength: 1,
    maxLength: 14,
  }),
  deaths: fc.array(fc.record({ at: fc.integer({ min: 1, max: 40 }), after: fc.boolean() }), { maxLength: 4 }),
  answers: fc.array(fc.constantFrom('ok', 'ok', 'busy once', 'lost once'), { minLength: 1, maxLength: 10 }),
  max: fc.constantFrom(1, 2, 100),
})

describe('a crash at any call of a flow that collects', () => {
  it('loses no record’s latest event, does nothing twice, and keeps the order of each record (P2, P3, P4)', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ events, deaths, answers, max }) => {
        const first = new FlowBench()
        const { clock } = first
        const engine = { log: memoryLog({ clock }), state: memoryState({ clock }) }
        const collect = collectSettings({ everyMs: 30 * SECOND, max })
        const effects: { key: string; record: string; n: number }[] = []
        const tries = new Map<string, number>()
        let asked = 0
        const waiting = events.map(({ record, after }, n) => ({ event: first.event(record, { record, n }), after }))
        for (const death of [...deaths, { at: Number.POSITIVE_INFINITY, after: false }]) {
          const life = new Life(engine, death.at, death.after)
          const bench = new FlowBench(life, clock)
          bench.system.before = async item => {
            const answer = answers[asked++ % answers.length]!
            const tried = (tries.get(item.key) ?? 0) + 1
            tries.set(item.key, tried)
            if (answer === 'busy once' && tried === 1) throw new SyncError('retryable', 'HTTP_503', 'busy')
            await life.call(() => {
              const { record, n } = item.args as { record: string; n: number }
              // The other side honours the key.
              if (!effects.some(effect => effect.key === item.key)) effects.push({ key: item.key, record, n })
            })
            if (answer === 'lost once' && tried === 1)
              throw new SyncError('retryable', 'CONNECTION_LOST', 'no answer', { outcomeUnknown: true })
          }
          const flow = bench.start(bench.flow([bench.effect('keyed')], { collect }))
          while (waiting.length > 0 && !life.dead) {
            const next = waiting.shift()!
            await clock.advance(next.after * SECOND)
            await engine.log.append(TOPIC, [next.event])
          }
          await clock.advance(120 * SECOND)
          if (!life.dead) await flow.stop()
          life.die()
          await clock.advance(0)
        }
        expect(await engine.log.lag(TOPIC, 'test.flow.leads')).toBe(0)
        for await (const { key } of engine.state.scan('{flow/leads}:collected:')) expect.fail(`${key} is left behind`)
        for (const record of RECORDS) {
          const sent = events.flatMap((event, n) => (event.record === record ? [n] : []))
          const done = effects.filter(effect => effect.record === record).map(({ n }) => n)
          // P2: the latest is there; P4: in order; P3: each at most once.
          expect(done.at(-1)).toBe(sent.at(-1))
          expect(done).toEqual([...new Set(done)].sort((a, b) => a - b))
        }
      }),
      { numRuns: Number(process.env.CRASH_RUNS ?? 150) },
    )
  })
})
