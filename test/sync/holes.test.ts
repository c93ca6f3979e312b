import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SideName } from '../../src/config/config.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import type { Field, Link } from '../../src/sync/link.ts'
import type { PeerOutcome } from '../../src/sync/peer.ts'
import { withMethod } from '../support/with-method.ts'
import { scheduleOf as drawn, type Schedule } from './sim/schedule.ts'
import type { Hooks } from './sim/world.ts'

type Observe = typeof import('../../src/sync/observe.ts')
type Answer = typeof import('../../src/sync/observe-answer.ts')
type Plan = typeof import('../../src/sync/plan.ts')
type Merge = typeof import('../../src/sync/merge.ts')

/** A defect that is put into the engine, by what wraps its parts or its surroundings. */
interface Mutant {
  readonly name: string
  readonly hooks?: () => Hooks
  readonly observe?: (real: Observe) => Partial<Observe>
  readonly answer?: (real: Answer) => Partial<Answer>
  readonly plan?: (real: Plan) => Partial<Plan>
  readonly merge?: (real: Merge) => Partial<Merge>
  /** Where chance brings the case too seldom. */
  readonly schedule?: (seed: number) => Schedule
  /** The seed that caught it last, tried first: it only saves time. */
  readonly likely?: number
}

const MOST_SEEDS = 400
const SIDES: readonly SideName[] = ['left', 'right']

const MUTANTS: readonly Mutant[] = [
  {
    name: '1: a write like an earlier one is not made, its old answer is taken',
    likely: 66,
    hooks: () => {
      const answers = new Map<string, PeerOutcome>()
      return {
        peer: peer =>
          withMethod(peer, {
            write: async (writes, options) => {
              const keyed = writes.map(write => ({
                write,
                key: `${peer.system} ${write.op} ${write.id} ${JSON.stringify('values' in write && write.values)}`,
              }))
              const open = keyed.filter(({ key }) => !answers.has(key))
              const made =
                open.length === 0
                  ? []
                  : await peer.write(
                      open.map(({ write }) => write),
                      options,
                    )
              open.forEach(({ key }, place) => {
                const outcome = made[place]!
                if (outcome.status === 'written') answers.set(key, outcome)
              })
              return keyed.map(
                ({ key, write }) => answers.get(key) ?? made[open.findIndex(each => each.write === write)]!,
              )
            },
          }),
      }
    },
  },
  {
    name: '2: a delete that failed counts as done',
    hooks: () => ({
      peer: peer =>
        withMethod(peer, {
          write: async (writes, options) => {
            if (writes[0]!.op !== 'delete') return peer.write(writes, options)
            try {
              const outcomes = await peer.write(writes, options)
              return outcomes.map(outcome => (outcome.status === 'failed' ? { status: 'deleted' as const } : outcome))
            } catch {
              return writes.map(() => ({ status: 'deleted' as const }))
            }
          },
        }),
    }),
  },
  {
    name: '3: the offset passes events before the links have them',
    likely: 147,
    hooks: () => ({
      log: log => ({
        ...log,
        subscribe: (topics, group, subscriber, signal, options) =>
          log.subscribe(
            topics,
            group,
            {
              ...subscriber,
              take: async (partition, events) => {
                for (const { offset } of events) partition.finished(offset)
                await subscriber.take(partition, events)
              },
            },
            signal,
            options,
          ),
      }),
    }),
  },
  {
    name: '4: what was accepted waits in memory only',
    likely: 10,
    hooks: () => ({
      state: state => ({
        ...plain(state),
        commit: writes => state.commit(writes.filter(({ key }) => !key.includes(':due:'))),
      }),
    }),
  },
  {
    name: '5: what is worked off is forgotten first',
    likely: 25,
    hooks: () => ({
      state: state => ({
        ...plain(state),
        scan: async function* (prefix) {
          for await (const entry of state.scan(prefix)) {
            if (prefix.endsWith(':due:')) await state.commit([{ key: entry.key }])
            yield entry
          }
        },
      }),
    }),
  },
  {
    name: '6: a value that we once wrote is an echo for ever',
    likely: 6,
    observe: real => ({
      observe: (link, observation, mapping) => {
        const { side, change, source } = observation
        const own = link[side]?.wrote ?? []
        const names = change.changed ?? []
        const touched = mapping.fields.filter(map => names.includes(map.config[side].split('.')[0]!))
        const isEcho =
          source === 'event' &&
          touched.length > 0 &&
          touched.every(map => {
            const reading = map.read(side, change.record.data)
            return (
              reading.known &&
              'value' in reading &&
              own.some(({ given }) => map.name in given && map.same(given[map.name], reading.value))
            )
          })
        if (isEcho) {
          // Taken for what is known already: the version goes on, the values do not.
          for (const map of touched) {
            const reading = map.read(side, change.record.data)
            const field = link.fields[map.name]
            if (field && reading.known && 'value' in reading)
              field[side] = { ...field[side], accepted: { value: reading.value }, shown: reading.value }
          }
        }
        real.observe(link, observation, mapping)
      },
    }),
  },
  {
    name: '7: two writers do not exclude each other',
    likely: 150,
    hooks: () => ({
      state: state => ({
        ...plain(state),
        commit: writes => state.commit(writes.map(({ ifVersion: _, ...write }) => write)),
      }),
    }),
  },
  {
    name: '8a: no tombstones',
    hooks: () => ({
      state: state => ({
        ...plain(state),
        commit: writes => {
          const over = new Set(writes.flatMap(({ key, value }) => (isEnded(key, value) ? [(value as Link).id] : [])))
          return state.commit(
            writes.map(({ value, ...write }) =>
              isEnded(write.key, value) || (typeof value === 'string' && over.has(value)) ? write : { ...write, value },
            ),
          )
        },
      }),
    }),
  },
  {
    name: '8b: an equal version is stale',
    likely: 53,
    observe: real => ({
      observe: (link, observation, mapping) => {
        const isEqual = link[observation.side]?.version === observation.change.record.version
        if (isEqual && observation.source === 'event' && observation.change.kind === 'present') return
        real.observe(link, observation, mapping)
      },
    }),
  },
  {
    name: '9: an echo that is not what was predicted is somebody’s edit',
    likely: 5,
    answer: real => ({
      observeAnswer: (link, answer, mapping) => {
        real.observeAnswer(link, answer, mapping)
        for (const map of mapping.fields) {
          const field = link.fields[map.name]
          if (field && map.name in answer.intended.values) field[answer.side].shown = answer.intended.values[map.name]
        }
        link[answer.side]!.version = link[answer.side]!.version.replace(/....Z$/, '.000Z')
      },
    }),
  },
  {
    name: '10a: all fields are sent',
    likely: 366,
    plan: real => ({
      settle: (link, mapping, config, context) => {
        const due = real.settle(link, mapping, config, context)
        for (const side of SIDES) {
          const write = due[side]
          if (write?.op !== 'update') continue
          const values = Object.fromEntries(
            mapping.fields.flatMap(map => {
              const field = link.fields[map.name]
              return field?.agreed && !field.held && map.receives(side) ? [[map.name, field.agreed.value]] : []
            }),
          )
          due[side] = { ...write, values }
        }
        return due
      },
    }),
  },
  {
    name: '10b: one policy for all fields',
    merge: real => ({
      merge: (link, mapping, context) =>
        real.merge(
          link,
          {
            ...mapping,
            fields: mapping.fields.map(map => ({
              ...map,
              config: { ...map.config, policy: { kind: 'latest' as const } },
            })),
          },
          context,
        ),
    }),
  },
  {
    name: '10c: one contested field holds the whole record',
    likely: 17,
    plan: real => ({
      settle: (link, mapping, config, context) => {
        const due = real.settle(link, mapping, config, context)
        return Object.values(link.fields).some(({ held }) => held) ? {} : due
      },
    }),
  },
  {
    name: 'no accepted values per side',
    likely: 5,
    answer: real => ({
      observeAnswer: (link, answer, mapping) => {
        real.observeAnswer(link, answer, mapping)
        for (const field of Object.values(link.fields)) delete field[answer.side].accepted
      },
    }),
  },
  {
    name: 'every edit is made with knowledge of what was agreed',
    likely: 13,
    merge: real => ({
      merge: (link, mapping, context) => {
        for (const field of Object.values(link.fields)) knowing(field)
        real.merge(link, mapping, context)
      },
    }),
  },
  {
    name: 'an edit that we wrote over is lost',
    likely: 321,
    schedule: crossing,
    observe: real => ({
      observe: (link, observation, mapping) => {
        const seen = link[observation.side]
        if (seen) seen.wrote = []
        real.observe(link, observation, mapping)
      },
    }),
  },
  {
    name: 'no intent before the call: whoever comes next knows of none',
    likely: 15,
    hooks: () => ({
      state: (state, owner) => ({
        ...plain(state),
        get: async keys =>
          (await state.get(keys)).map(entry => {
            const link = entry?.value as Link | undefined
            if (!entry || !link?.intent || link.intent.owner.startsWith(`${owner}/`)) return entry
            const { intent: _, ...rest } = link
            return { ...entry, value: rest }
          }),
      }),
    }),
  },
  {
    name: 'a write that waits for its turn outlasts its lease',
    likely: 20,
    schedule: queueing,
    hooks: () => ({
      peer: peer =>
        withMethod(peer, {
          write: (writes, options) => peer.write(writes, { ...options, signal: new AbortController().signal }),
        }),
    }),
  },
  {
    name: 'a record that is not found is deleted',
    likely: 167,
    hooks: () => ({
      peer: peer =>
        withMethod(peer, {
          get: async (ids, options) =>
            (await peer.get(ids, options)).map(
              (record, place) =>
                record ?? { id: ids[place]!, version: '2999-01-01T00:00:00.000Z', deleted: true, data: {} },
            ),
        }),
    }),
  },
]

afterEach(unmutated)

function unmutated(): void {
  for (const name of ['observe', 'observe-answer', 'plan', 'merge']) vi.doUnmock(`../../src/sync/${name}.ts`)
  vi.resetModules()
}

describe('the oracle catches', () => {
  for (const mutant of MUTANTS) {
    it(mutant.name, async () => {
      const schedule = await scheduleThatCatches(mutant)
      expect(schedule, `${MOST_SEEDS} seeds hold although the defect is in`).toBeDefined()
      unmutated()
      const { violationsOf } = await import('./sim/shrink.ts')
      expect(await violationsOf(schedule!)).toEqual([])
    }, 120_000)
  }
})

async function scheduleThatCatches(mutant: Mutant): Promise<Schedule | undefined> {
  vi.resetModules()
  put('observe', mutant.observe)
  put('observe-answer', mutant.answer)
  put('plan', mutant.plan)
  put('merge', mutant.merge)
  const { violationsOf } = await import('./sim/shrink.ts')
  const scheduleOf = mutant.schedule ?? drawn
  const { likely = 1 } = mutant
  const seeds = Array.from({ length: MOST_SEEDS }, (_, n) => ((n + likely - 1) % MOST_SEEDS) + 1)
  for (const seed of seeds) {
    const schedule = scheduleOf(seed)
    if ((await violationsOf(schedule, mutant.hooks?.())).length > 0) return schedule
  }
  return undefined
}

function put<M extends object>(name: string, wrap: ((real: M) => Partial<M>) | undefined): void {
  if (!wrap) return
  vi.doMock(`../../src/sync/${name}.ts`, async importOriginal => {
    const real = await importOriginal<M>()
    return { ...real, ...wrap(real) }
  })
}

function plain(state: StateStore): StateStore {
  return {
    get: keys => state.get(keys),
    scan: prefix => state.scan(prefix),
    commit: writes => state.commit(writes),
    close: () => state.close(),
  }
}

function knowing(field: Field): void {
  for (const side of SIDES) {
    const { said } = field[side]
    if (said) field[side].said = { ...said, unaware: false }
  }
}

function isEnded(key: string, value: unknown): boolean {
  return key.includes(':link:') && (value as Link | undefined)?.ended !== undefined
}

/** Edits of one record on both sides, so close that the write that follows from the first runs over the second. */
function crossing(seed: number): Schedule {
  const schedule = drawn(seed)
  const entries = Array.from({ length: 10 }, (_, place) => place * 30_000 + 20_000).flatMap((at, place) => [
    {
      at,
      kind: 'edit' as const,
      side: 'left' as const,
      pick: 0,
      fields: { note: { kind: 'value' as const, value: `L${place}` } },
    },
    {
      at: at + 60 + ((seed * 37 + place * 61) % 300),
      kind: 'edit' as const,
      side: 'right' as const,
      pick: 0,
      fields: { note: { kind: 'value' as const, value: `R${place}` } },
    },
  ])
  return { ...schedule, initial: schedule.initial.slice(0, 1), entries: entries.slice(0, 2 + 2 * (seed % 10)) }
}

/** Calls wait for their turn, longer than the lease of a write lasts, and another process takes over. */
function queueing(seed: number): Schedule {
  const schedule = drawn(seed)
  const { left, right, faults } = schedule
  const own = { choosesId: false, conditional: false, uniqueKey: false } as const
  return {
    ...schedule,
    processes: 2,
    left: { ...left, ...own },
    right: { ...right, ...own },
    faults: { ...faults, queuedMs: 300_000 },
  }
}
