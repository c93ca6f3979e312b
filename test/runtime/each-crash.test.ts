import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { memoryLog } from '../../src/log/memory.ts'
import type { Step } from '../../src/runtime/step.ts'
import { memoryState } from '../../src/state/memory.ts'
import { Life } from '../support/crashable.ts'
import type { FakeSystem } from '../support/fake-system.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

type Person = { readonly id: string }

/** What a schedule decides: the pages, how they change between two lives, and when the process dies. */
const schedule = fc.record({
  sizes: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
  batch: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  bad: fc.array(fc.nat(19), { maxLength: 3 }),
  skipped: fc.array(fc.nat(19), { maxLength: 2 }),
  deaths: fc.array(fc.record({ at: fc.integer({ min: 1, max: 70 }), after: fc.boolean() }), { maxLength: 4 }),
  moves: fc.array(fc.record({ page: fc.nat(3), from: fc.nat(4) }), { maxLength: 4 }),
  answers: fc.array(fc.constantFrom('ok', 'ok', 'ok', 'ok', 'refused once', 'lost'), { minLength: 1, maxLength: 20 }),
})

/** Honours keys, and counts what was done for whom. */
class World {
  /** Item to the keys under which something was done for it. */
  readonly keyed = new Map<string, Set<string>>()
  readonly blind = new Map<string, number>()
  summaries: Record<string, unknown>[] = []
  readonly #bad: ReadonlySet<string>
  readonly #answers: readonly string[]
  readonly #tries = new Map<string, number>()
  #asked = 0

  constructor(answers: readonly string[], bad: ReadonlySet<string>) {
    this.#answers = answers
    this.#bad = bad
  }

  serve(system: FakeSystem, life: () => Life): void {
    system.beforePage = () => life().call(() => {})
    system.before = async ({ key, action, args }) => {
      const answer = this.#answers[this.#asked++ % this.#answers.length]!
      const asked = (this.#tries.get(key) ?? 0) + 1
      this.#tries.set(key, asked)
      const ids = (args.ids ?? []) as string[]
      if (action === 'keyed' && ids.some(id => this.#bad.has(id))) throw new SyncError('rejected', 'HTTP_422', 'bad')
      if (answer === 'refused once' && asked === 1) throw new SyncError('retryable', 'HTTP_503', 'busy')
      await life().call(() => {
        if (args.summary) this.summaries.push(args.summary as Record<string, unknown>)
        for (const id of ids) {
          if (action === 'keyed') this.keyed.set(id, (this.keyed.get(id) ?? new Set()).add(key))
          else this.blind.set(id, (this.blind.get(id) ?? 0) + 1)
        }
      })
      if (answer === 'lost' && asked === 1)
        throw new SyncError('retryable', 'CONNECTION_LOST', 'no answer', { outcomeUnknown: true })
    }
  }
}

function idsOf({ person }: Record<string, unknown>): { ids: string[] } {
  return { ids: [person].flat().map(each => (each as Person).id) }
}

function filter(skipped: ReadonlySet<string>): Step {
  const process = (scope: Record<string, unknown>) =>
    idsOf(scope).ids.every(id => skipped.has(id)) ? { skip: 'filtered' } : { names: {} }
  return { kind: 'processor', id: 'filter', verb: 'filter', processor: { process } }
}

/** Nobody else means the same, so whatever comes again is the item's own. */
const dedupe: Step = {
  kind: 'processor',
  id: 'dedupe',
  verb: 'dedupe',
  remembers: true,
  processor: {
    async process(scope, { claim }) {
      const answer = await claim(idsOf(scope).ids.join(), 86_400_000)
      if (answer !== 'mine') throw new SyncError('rejected', 'DEDUPE', answer)
      return { names: {} }
    },
  },
}

describe('a crash at any call of an `each` over pages', () => {
  it('loses no item, does none twice, and counts each once (P2, P3)', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ sizes, batch, concurrency, deaths, moves, answers, ...chosen }) => {
        const named = (numbers: readonly number[]) => new Set(numbers.map(n => `p${n}`))
        const [bad, skipped] = [named(chosen.bad), named(chosen.skipped)]
        let count = 0
        const pages = sizes.map(size => Array.from({ length: size }, () => ({ id: `p${count++}` })))
        const moved = new Set<string>()
        const world = new World(answers, bad)
        const first = new FlowBench()
        const engine = { log: memoryLog({ clock: first.clock }), state: memoryState({ clock: first.clock }) }
        const event = first.event('a', {})
        await engine.log.append(TOPIC, [event])
        for (const [n, death] of [...deaths, { at: Number.POSITIVE_INFINITY, after: false }].entries()) {
          const life = new Life(engine, death.at, death.after)
          const bench = new FlowBench(life, first.clock)
          bench.system.pages = pages
          world.serve(bench.system, () => life)
          const steps = [
            filter(skipped),
            dedupe,
            bench.effect('keyed', { args: idsOf }),
            bench.effect('blind', { args: idsOf }),
          ]
          const each = bench.each(steps, { as: 'summary', ...(batch && { batch }), concurrency })
          const after = bench.effect('keyed', { id: 'after', args: ({ summary }) => ({ summary }) })
          const flow = bench.start(bench.flow([each, after]))
          await bench.clock.advance(600_000)
          if (!life.dead) await flow.stop()
          life.die()
          await bench.clock.advance(0)
          // What is found changes while nobody looks: one item leaves its page, and a new one stands before all others.
          const { page, from } = moves[n] ?? { page: -1, from: 0 }
          const [gone] = pages[page]?.splice(from, 1) ?? []
          if (gone) {
            moved.add(gone.id)
            pages[page]!.unshift({ id: `new${n}` })
          }
        }
        const last = new FlowBench(engine, first.clock)
        const letters = (await last.deadLetters.list('leads')).map(({ letter }) => letter)
        expect(await last.lag()).toBe(0)
        expect(letters.filter(({ item }) => !item)).toEqual([])
        expect(letters.filter(({ code }) => code === 'DEDUPE')).toEqual([])
        const held = new Set(letters.flatMap(({ item }) => [item?.value].flat().map(person => (person as Person).id)))
        // P3: nothing was done twice for anybody, under whatever key.
        for (const [id, keys] of world.keyed) expect([id, keys.size]).toEqual([id, 1])
        for (const [id, times] of world.blind) expect([id, times]).toEqual([id, 1])
        // P2: whoever was there all the time was dealt with, or is in the dead letters.
        const there = pages.flat().filter(({ id }) => id.startsWith('p') && !moved.has(id))
        for (const { id } of there)
          expect([id, world.blind.has(id) || held.has(id) || skipped.has(id)]).toEqual([id, true])
        const [summary] = world.summaries as { count: number; done: number; skipped: number; failed: number }[]
        expect(summary?.count).toBe(summary!.done + summary!.skipped + summary!.failed)
        expect(summary?.failed).toBe(held.size)
        expect(summary?.count).toBeGreaterThanOrEqual(there.length)
        expect(await keysLeft(last)).toEqual([])
      }),
      { numRuns: Number(process.env.CRASH_RUNS ?? 60) },
    )
  })
})

async function keysLeft(bench: FlowBench): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of bench.state.scan('{flow/leads}:page:')) keys.push(key)
  return keys
}
