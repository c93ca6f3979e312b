import type { SideName, SyncPolicy } from '../../../src/config/config.ts'
import type { FeedTraits } from './feed.ts'
import { FIELDS, KEY, type Value } from './fields.ts'
import { Random } from './random.ts'
import type { FaultTraits } from './sim-peer.ts'
import type { Traits } from './system.ts'

/** What a person enters: a new value, nothing, what was there so many changes ago, or a value that others enter too. */
export type Entered =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'back'; readonly steps: number }
  | { readonly kind: 'add'; readonly item: string }
  | { readonly kind: 'drop' }

export type Entry = { readonly at: number } & (
  | { readonly kind: 'edit'; readonly side: SideName; readonly pick: number; readonly fields: Record<string, Entered> }
  | { readonly kind: 'create'; readonly side: SideName; readonly fields: Record<string, Value> }
  | { readonly kind: 'delete'; readonly side: SideName; readonly pick: number; readonly hard: boolean }
  | { readonly kind: 'restore'; readonly side: SideName; readonly pick: number }
  | { readonly kind: 'crash'; readonly process: number; readonly downMs: number; readonly nextDieAt?: number }
  | { readonly kind: 'stop'; readonly process: number; readonly downMs: number }
  | { readonly kind: 'pause'; readonly process: number; readonly ms: number }
)

export interface FieldPlan {
  readonly name: string
  readonly direction: 'both' | 'to-left' | 'to-right'
  readonly policy: SyncPolicy
  readonly tie: Exclude<SyncPolicy, { kind: 'latest' }>
}

export interface Schedule {
  readonly seed: number
  readonly left: Traits
  readonly right: Traits
  readonly feeds: { readonly left: FeedTraits; readonly right: FeedTraits }
  readonly faults: FaultTraits
  /** State calls take up to so long; 0: no time at all. */
  readonly stateMs: number
  readonly processes: number
  readonly deaths: readonly { readonly dieAt?: number; readonly afterEffect?: boolean }[]
  readonly fields: readonly FieldPlan[]
  readonly deletes: { readonly left: 'hold' | 'propagate' | 'ignore'; readonly right: 'hold' | 'propagate' | 'ignore' }
  readonly creates: { readonly left: boolean; readonly right: boolean }
  readonly stamps: { readonly left: boolean; readonly right: boolean }
  readonly initial: readonly Entry[]
  readonly entries: readonly Entry[]
}

const SIDES: readonly SideName[] = ['left', 'right']
const KEYS = ['ann@x.io', 'bob@x.io', 'cay@x.io', 'dan@x.io']

/** Everything about one run follows from its seed. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed)
  const calm = random.chance(0.15)
  const [left, right] = SIDES.map(side => traitsOf(side, random.fork(side), calm)) as [Traits, Traits]
  const drawn = random.fork('world')
  const processes = drawn.chance(0.4) ? 2 : 1
  const fields = FIELDS.map(field => fieldPlan(field.name, drawn))
  return {
    seed,
    left,
    right,
    feeds: { left: feedOf(drawn, calm), right: feedOf(drawn, calm) },
    faults: { ...faultsOf(drawn, calm), queuedMs: calm ? 0 : queuedOf(random.fork('limiter')) },
    stateMs: drawn.chance(0.3) ? drawn.pick([2, 20, 500]) : 0,
    processes,
    deaths: Array.from({ length: processes }, () =>
      drawn.chance(0.4) ? { dieAt: drawn.between(1, 150), afterEffect: drawn.chance(0.5) } : {},
    ),
    fields,
    deletes: { left: deletesOf(drawn), right: deletesOf(drawn) },
    creates: { left: drawn.chance(0.9), right: drawn.chance(0.9) },
    stamps: { left: false, right: false },
    initial: initialOf(random.fork('initial')),
    entries: entriesOf(random.fork('entries'), processes, calm),
  }
}

function traitsOf(side: SideName, random: Random, calm: boolean): Traits {
  const granularityMs = random.chance(0.3) ? 1000 : 1
  const skewMs = calm ? 0 : random.pick([0, 0, random.between(-3000, 3000), random.between(-300_000, 300_000)])
  const trash = random.chance(0.6)
  return {
    side,
    skewMs,
    measuredMs: skewMs + (calm ? 0 : random.between(-400, 400)),
    granularityMs,
    choosesId: random.chance(0.5),
    conditional: granularityMs === 1 && random.chance(0.4),
    trash,
    rewrites: random.chance(0.3),
    uniqueKey: random.chance(0.4),
    tellsTaken: random.chance(0.5),
    batch: { read: random.between(1, 4), write: random.between(1, 4), delete: random.between(1, 2) },
    page: random.between(1, 4),
  }
}

function feedOf(random: Random, calm: boolean): FeedTraits {
  return {
    lost: calm ? 0 : random.pick([0, 0.1, 0.4, 1]),
    late: calm ? 0 : random.pick([0, 0.1, 0.4]),
    repeated: calm ? 0 : random.pick([0, 0.1, 0.3]),
    reordered: !calm && random.chance(0.5),
    bare: calm ? 0 : random.pick([0, 0, 0, 0.2, 1]),
    partial: calm ? 0 : random.pick([0, 0, 0, 0.2]),
    pollMs: random.pick([5000, 30_000, 60_000]),
    repeats: random.chance(0.5),
  }
}

/** Beyond the lease of a write, too. */
function queuedOf(random: Random): number {
  return random.chance(0.15) ? random.pick([5000, 150_000]) : 0
}

function faultsOf(random: Random, calm: boolean): Omit<FaultTraits, 'queuedMs'> {
  const some = calm || random.chance(0.3) ? [0] : [0, 0.05, 0.2]
  return {
    refused: random.pick(some),
    lost: random.pick(some),
    partial: random.pick(some),
    reread: random.pick(some),
    unseen: random.chance(0.1) ? random.pick(some) : 0,
    latencyMs: random.pick([60, 500, 8000]),
  }
}

function fieldPlan(name: string, random: Random): FieldPlan {
  const isList = FIELDS.find(field => field.name === name)!.list === true
  const decided: readonly Exclude<SyncPolicy, { kind: 'latest' }>[] = [
    { kind: 'prefer', side: 'left' },
    { kind: 'prefer', side: 'right' },
    { kind: 'prefer-unless-blank', side: random.pick(SIDES) },
    { kind: 'ask' },
    ...(isList ? [{ kind: 'union' } as const, { kind: 'union' } as const] : []),
  ]
  const direction = random.chance(0.85) || name === KEY.name ? 'both' : random.pick(['to-left', 'to-right'] as const)
  const policy = random.chance(0.5) ? ({ kind: 'latest' } as const) : random.pick(decided)
  return { name, direction, policy, tie: random.pick(decided) }
}

function deletesOf(random: Random): 'hold' | 'propagate' | 'ignore' {
  return random.pick(['hold', 'propagate', 'propagate', 'ignore'])
}

function initialOf(random: Random): Entry[] {
  const populated = random.pick([[], ['left'], ['right'], ['left', 'right'], ['left', 'right']] as SideName[][])
  return populated.flatMap(side =>
    Array.from({ length: random.between(1, 4) }, () => ({
      at: -random.between(1, 100_000_000),
      kind: 'create' as const,
      side,
      fields: newRecord(random),
    })),
  )
}

function newRecord(random: Random): Record<string, Value> {
  return Object.fromEntries(
    FIELDS.map(field => {
      if (field.name === KEY.name) return [field.name, random.chance(0.05) ? null : random.pick(KEYS)]
      if (random.chance(0.3)) return [field.name, null]
      if (field.list) return [field.name, [`t${random.between(1, 5)}`, `t${random.between(1, 5)}`]]
      return [field.name, random.chance(0.2) ? 'Same' : `I${random.between(1, 1e6)}`]
    }),
  )
}

function entriesOf(random: Random, processes: number, calm: boolean): Entry[] {
  const entries: Entry[] = []
  const count = random.between(2, 22)
  const pace = random.pick([300, 3000, 20_000, 90_000])
  const mostPicks = random.pick([1, 2, 4])
  let at = random.between(0, 10_000)
  for (let place = 0; place < count; place++) {
    at += random.chance(0.2) ? random.between(0, 120_000) : random.between(0, pace)
    const entry = { at, ...action(random, processes, mostPicks, calm) }
    entries.push(entry)
    // Meets what follows from the first edit on its way.
    if (entry.kind === 'edit' && random.chance(0.25)) entries.push(counterEdit(entry, random))
  }
  return entries
}

function counterEdit(first: Extract<Entry, { kind: 'edit' }>, random: Random): Entry {
  const at = first.at + random.between(0, random.pick([200, 600, 12_000]))
  const side = first.side === 'left' ? 'right' : 'left'
  const names = Object.keys(first.fields)
  const fields = random.chance(0.6) ? { [names[0]!]: entered(names[0]!, random) } : edited(random)
  return { at, kind: 'edit', side, pick: first.pick, fields }
}

type Action = Entry extends infer E ? (E extends { at: number } ? Omit<E, 'at'> : never) : never

function action(random: Random, processes: number, mostPicks: number, calm: boolean): Action {
  const side = random.pick(SIDES)
  const pick = random.between(0, mostPicks - 1)
  const draw = random.next()
  if (draw < 0.7) return { kind: 'edit', side, pick, fields: edited(random) }
  if (draw < 0.78) return { kind: 'create', side, fields: newRecord(random) }
  if (draw < 0.85) return { kind: 'delete', side, pick, hard: random.chance(0.2) }
  if (draw < 0.89) return { kind: 'restore', side, pick }
  const process = random.between(0, processes - 1)
  if (calm) return { kind: 'edit', side, pick, fields: edited(random) }
  if (draw < 0.95) {
    const nextDieAt = random.chance(0.3) ? random.between(1, 80) : undefined
    const downMs = random.pick([10, 3000, 150_000])
    return { kind: 'crash', process, downMs, ...(nextDieAt && { nextDieAt }) }
  }
  if (draw < 0.97) return { kind: 'stop', process, downMs: random.pick([10, 60_000]) }
  return { kind: 'pause', process, ms: random.pick([100, 20_000, 130_000, 300_000]) }
}

function edited(random: Random): Record<string, Entered> {
  const fields: Record<string, Entered> = {}
  const count = random.pick([1, 1, 1, 2, 3])
  for (let place = 0; place < count; place++) {
    const field = random.pick(FIELDS)
    if (field.name === KEY.name && random.chance(0.7)) continue
    fields[field.name] = entered(field.name, random)
  }
  if (Object.keys(fields).length === 0) fields.note = entered('note', random)
  return fields
}

function entered(name: string, random: Random): Entered {
  const draw = random.next()
  if (name === KEY.name)
    return { kind: 'value', value: draw < 0.05 ? null : random.pick([...KEYS, `New${random.between(1, 99)}@x.io`]) }
  if (name === 'tags' && draw < 0.7) {
    return draw < 0.5 ? { kind: 'add', item: `t${random.between(1, 8)}` } : { kind: 'drop' }
  }
  if (draw < 0.12) return { kind: 'value', value: null }
  if (draw < 0.3) return { kind: 'back', steps: random.between(1, 3) }
  if (name === 'tags') return { kind: 'value', value: [`t${random.between(1, 8)}`] }
  if (draw < 0.4) return { kind: 'value', value: random.pick(['x', 'X ', 'y']) }
  return { kind: 'value', value: `V${random.between(1, 1e6)}${random.chance(0.2) ? ' ' : ''}` }
}
