import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { memoryState } from '../../src/state/memory.ts'
import { Life } from '../support/crashable.ts'
import type { FakeSystem } from '../support/fake-system.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const RECORDS = ['a', 'b', 'c']

/** Everything that a schedule decides: what comes, when the process dies, and what the outside system does. */
const schedule = fc.record({
  events: fc.array(fc.constantFrom(...RECORDS), { minLength: 1, maxLength: 12 }),
  deaths: fc.array(fc.record({ at: fc.integer({ min: 1, max: 60 }), after: fc.boolean() }), { maxLength: 4 }),
  answers: fc.array(fc.constantFrom('ok', 'ok', 'ok', 'refused once', 'lost'), { minLength: 1, maxLength: 20 }),
})

/** An outside world that honours keys, as a billing system does, and counts what it was asked to do blindly. */
class World {
  readonly keyed = new Map<string, number>()
  readonly blind: string[] = []
  readonly order: { record: unknown; n: number }[] = []
  readonly #answers: string[]
  readonly #tries = new Map<string, number>()
  #asked = 0

  constructor(answers: string[]) {
    this.#answers = answers
  }

  serve(system: FakeSystem, life: () => Life): void {
    system.before = async item => {
      const answer = this.#answers[this.#asked++ % this.#answers.length]!
      const asked = (this.#tries.get(item.key) ?? 0) + 1
      this.#tries.set(item.key, asked)
      if (answer === 'refused once' && asked === 1) throw new SyncError('retryable', 'HTTP_503', 'busy')
      await life().call(() => {
        if (item.action === 'keyed') {
          if (!this.keyed.has(item.key)) this.order.push({ record: item.args.record, n: item.args.n as number })
          this.keyed.set(item.key, 1)
        } else this.blind.push(item.key)
      })
      // A keyed call that is asked again gets its answer: the world heals.
      if (answer === 'lost' && asked === 1)
        throw new SyncError('retryable', 'CONNECTION_LOST', 'no answer', { outcomeUnknown: true })
    }
  }
}

describe('a crash at any call', () => {
  it('loses nothing, doubles nothing, and keeps the order of each record (P2, P3, P4)', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ events, deaths, answers }) => {
        const world = new World(answers)
        const first = new FlowBench()
        const engine = { log: memoryLog({ clock: first.clock }), state: memoryState({ clock: first.clock }) }
        const sent = events.map((record, n) => first.event(record, { record, n }))
        await engine.log.append(TOPIC, sent)
        for (const { at, after } of [...deaths, undefined as never].map(
          death => death ?? { at: Number.POSITIVE_INFINITY, after: false },
        )) {
          const life = new Life(engine, at, after)
          const bench = new FlowBench(life, first.clock)
          world.serve(bench.system, () => life)
          const flow = bench.start(bench.flow([bench.effect('keyed'), bench.effect('blind')]))
          await bench.clock.advance(120_000)
          if (!life.dead) await flow.stop()
          life.die()
          await bench.clock.advance(0)
        }
        const last = new FlowBench(engine, first.clock)
        const letters = (await last.deadLetters.list('leads')).map(({ letter }) => letter)
        expect(await last.lag()).toBe(0)
        // P2: every event had its effect; P3: and none twice.
        expect(world.keyed.size).toBe(sent.length)
        expect(new Set(world.blind).size).toBe(world.blind.length)
        for (const event of sent) {
          const done = world.blind.some(key => key.endsWith(event.id))
          const held = letters.some(letter => letter.event.id === event.id && letter.code === 'OUTCOME_UNKNOWN')
          expect(done || held).toBe(true)
        }
        for (const record of RECORDS) {
          const order = world.order.filter(entry => entry.record === record).map(({ n }) => n)
          expect(order).toEqual([...order].sort((a, b) => a - b))
        }
      }),
      { numRuns: Number(process.env.CRASH_RUNS ?? 150) },
    )
  })
})
