import { judge, type Violation } from './oracle.ts'
import { type Schedule, scheduleOf } from './schedule.ts'
import { type Hooks, simulate } from './world.ts'

/** A seed, and what is left out of its schedule: `e3` an entry, `i0` an initial record, else a trait switched off. */
export interface Case {
  readonly seed: number
  readonly without: readonly string[]
}

const CALM: Readonly<Record<string, (schedule: Schedule) => Schedule>> = {
  processes: schedule => ({ ...schedule, processes: 1, deaths: schedule.deaths.slice(0, 1) }),
  deaths: schedule => ({ ...schedule, deaths: [] }),
  stateMs: schedule => ({ ...schedule, stateMs: 0 }),
  refused: faults('refused'),
  lost: faults('lost'),
  partial: faults('partial'),
  reread: faults('reread'),
  unseen: faults('unseen'),
  queued: faults('queuedMs'),
  slow: schedule => ({ ...schedule, faults: { ...schedule.faults, latencyMs: 60 } }),
  'webhooks-lost': feeds('lost'),
  'webhooks-late': feeds('late'),
  'webhooks-repeated': feeds('repeated'),
  'webhooks-bare': feeds('bare'),
  'webhooks-partial': feeds('partial'),
  'webhooks-reordered': feeds('reordered', false),
  'poll-repeats': feeds('repeats', false),
  skew: traits({ skewMs: 0, measuredMs: 0 }),
  coarse: traits({ granularityMs: 1 }),
  rewrites: traits({ rewrites: false }),
  'unique-key': traits({ uniqueKey: false }),
  batches: traits({ batch: { read: 10, write: 10, delete: 10 }, page: 10 }),
  'own-ids': traits({ choosesId: true }),
}

function faults(name: keyof Schedule['faults']): (schedule: Schedule) => Schedule {
  return schedule => ({ ...schedule, faults: { ...schedule.faults, [name]: 0 } })
}

function feeds(name: keyof Schedule['feeds']['left'], value: number | boolean = 0): (schedule: Schedule) => Schedule {
  return schedule => ({
    ...schedule,
    feeds: { left: { ...schedule.feeds.left, [name]: value }, right: { ...schedule.feeds.right, [name]: value } },
  })
}

function traits(changed: Partial<Schedule['left']>): (schedule: Schedule) => Schedule {
  return schedule => ({
    ...schedule,
    left: { ...schedule.left, ...changed },
    right: { ...schedule.right, ...changed },
  })
}

export function scheduleFor({ seed, without }: Case): Schedule {
  let schedule = scheduleOf(seed)
  const dropped = new Set(without)
  schedule = {
    ...schedule,
    initial: schedule.initial.filter((_, place) => !dropped.has(`i${place}`)),
    entries: schedule.entries.filter((_, place) => !dropped.has(`e${place}`)),
  }
  for (const name of without) schedule = CALM[name]?.(schedule) ?? schedule
  return schedule
}

/** What a run breaks; a run that throws breaks something too. */
export async function violationsOf(schedule: Schedule, hooks?: Hooks): Promise<Violation[]> {
  try {
    return judge(await simulate(schedule, hooks))
  } catch (error) {
    return [{ rule: 'thrown', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }]
  }
}

/** Leaves out one thing after the other as long as the same rule is still broken. */
export async function shrink(seed: number, rule: string, tries = 400): Promise<Case> {
  const { initial, entries } = scheduleOf(seed)
  const parts = [
    ...entries.map((_, place) => `e${place}`).reverse(),
    ...initial.map((_, place) => `i${place}`),
    ...Object.keys(CALM),
  ]
  let without: string[] = []
  for (let round = 0; round < 2; round++) {
    for (const part of parts) {
      if (without.includes(part) || tries-- <= 0) continue
      const fewer = [...without, part]
      const broken = await violationsOf(scheduleFor({ seed, without: fewer }))
      if (broken.some(violation => violation.rule === rule)) without = fewer
    }
  }
  return { seed, without }
}

export function lineOf({ seed, without }: Case): string {
  return `npm run simulate -- --seed ${seed}${without.length > 0 ? ` --without ${without.join(',')}` : ''}`
}
