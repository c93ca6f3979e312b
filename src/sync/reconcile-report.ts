import type { SideName } from '../config/config.ts'
import { type GuardedKind, guardedKinds } from './guard.ts'
import { isAlive, type Link, other, SIDES } from './link.ts'
import type { Due } from './plan.ts'

/** What a pair needs; `neither` moved since they last agreed, a write that failed for example. */
export type Moved = 'left' | 'right' | 'both' | 'neither'

export interface ReconcileReport {
  readonly left: number
  readonly right: number
  readonly equal: number
  readonly differs: Readonly<Record<Moved, number>>
  /** Records that have no counterpart there. */
  readonly missing: Readonly<Record<SideName, number>>
  /** Records of pairs that are gone from there. */
  readonly deleted: Readonly<Record<SideName, number>>
  readonly held: number
  /** Left out by `where`. */
  readonly excluded: number
  readonly writes: Readonly<Record<GuardedKind, number>>
  readonly samples: readonly Sample[]
  /** Why nothing was repaired. */
  readonly heldBack?: { readonly kind: GuardedKind; readonly count: number; readonly limit: number }
  /** Links that are being repaired. */
  readonly repairing: number
}

export interface Sample {
  readonly left?: string
  readonly right?: string
  readonly what: string
  readonly fields?: Readonly<
    Record<string, { readonly left: unknown; readonly right: unknown; readonly agreed: unknown }>
  >
}

const SAMPLES = 20

export function movedOf(link: Link): Moved {
  const fields = Object.values(link.fields)
  const left = fields.some(field => field.left.said)
  const right = fields.some(field => field.right.said)
  if (left && right) return 'both'
  return left ? 'left' : right ? 'right' : 'neither'
}

/** What a comparison found, pair by pair. */
export class Tally {
  readonly writes: Record<GuardedKind, number> = { creates: 0, updates: 0, deletes: 0 }
  readonly due: string[] = []
  readonly #differs: Record<Moved, number> = { left: 0, right: 0, both: 0, neither: 0 }
  readonly #missing: Record<SideName, number> = { left: 0, right: 0 }
  readonly #deleted: Record<SideName, number> = { left: 0, right: 0 }
  readonly #samples: Sample[] = []
  #equal = 0
  #held = 0
  #excluded = 0

  count(link: Link, due: Due, moved: Moved): void {
    for (const kind of guardedKinds(due)) this.writes[kind]++
    for (const side of SIDES) {
      if (link[side]?.deleted && isAlive(link[other(side)])) this.#deleted[side]++
    }
    if (due.left || due.right) this.due.push(link.id)
    const lone = SIDES.find(side => isAlive(link[side]) && !link[other(side)])
    const isHeld = link.hold !== undefined || Object.values(link.fields).some(({ held }) => held)
    if (SIDES.some(side => link[side]?.takesPart === false)) this.#excluded++
    else if (isHeld) this.#held++
    else if (lone) this.#missing[other(lone)]++
    else if (due.left || due.right) this.#differs[moved]++
    else if (link.left && link.right && !link.ended) this.#equal++
    if ((due.left || due.right) && this.#samples.length < SAMPLES) this.#samples.push(sampleOf(link, due))
  }

  report(seen: Readonly<Record<SideName, number>>): Omit<ReconcileReport, 'repairing'> {
    return {
      ...seen,
      equal: this.#equal,
      differs: this.#differs,
      missing: this.#missing,
      deleted: this.#deleted,
      held: this.#held,
      excluded: this.#excluded,
      writes: this.writes,
      samples: this.#samples,
    }
  }
}

function sampleOf(link: Link, due: Due): Sample {
  const what = SIDES.flatMap(side => (due[side] ? [`${due[side].op} ${side}`] : [])).join(', ')
  const names = new Set(SIDES.flatMap(side => Object.keys(due[side]?.values ?? {})))
  const fields = Object.fromEntries(
    [...names].map(name => {
      const field = link.fields[name]!
      return [
        name,
        { left: field.left.shown ?? null, right: field.right.shown ?? null, agreed: field.agreed?.value ?? null },
      ]
    }),
  )
  return {
    ...(link.left && { left: link.left.id }),
    ...(link.right && { right: link.right.id }),
    what,
    ...(names.size > 0 && { fields }),
  }
}
