import { describe, expect, it } from 'vitest'
import type { SideName, SyncConfig, SyncFieldConfig, SyncPolicy } from '../../src/config/config.ts'
import type { Link } from '../../src/sync/link.ts'
import { createMapping } from '../../src/sync/mapping.ts'
import { newLink, observe } from '../../src/sync/observe.ts'
import { observeAnswer } from '../../src/sync/observe-answer.ts'
import type { Peer } from '../../src/sync/peer.ts'
import { type Due, settle } from '../../src/sync/plan.ts'

/**
 * What becomes of one field, for every policy and everything that may have happened on either side since both showed `x`.
 * Rows: left. Columns: right. Read as the value that both sides end with:
 *   x a b s   that value (`s`: both sides wrote it)     0   empty
 *   ?         held for a person                          l r both lists' additions
 *   D         the other side's record is deleted         H   the deletion is held       E   both are gone
 */
const HAPPENED = ['none', 'edit', 'same', 'blank', 'deleted'] as const
type Happened = (typeof HAPPENED)[number]

const TABLES: readonly { policy: string; field: Partial<SyncFieldConfig>; newer?: SideName; table: string }[] = [
  {
    policy: 'ask',
    field: { policy: { kind: 'ask' } },
    //        none edit same blank deleted
    table: `
      none    x    b    s    0    D
      edit    a    ?    ?    ?    H
      same    s    ?    s    ?    H
      blank   0    ?    ?    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'latest, left newer',
    field: { policy: { kind: 'latest' } },
    newer: 'left',
    table: `
      none    x    b    s    0    D
      edit    a    a    a    a    H
      same    s    s    s    s    H
      blank   0    0    0    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'latest, right newer',
    field: { policy: { kind: 'latest' } },
    newer: 'right',
    table: `
      none    x    b    s    0    D
      edit    a    b    s    0    H
      same    s    b    s    0    H
      blank   0    b    s    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'latest, at once',
    field: { policy: { kind: 'latest' } },
    table: `
      none    x    b    s    0    D
      edit    a    ?    ?    ?    H
      same    s    ?    s    ?    H
      blank   0    ?    ?    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'latest, at once, tie to the right',
    field: { policy: { kind: 'latest' }, tie: { kind: 'prefer', side: 'right' } },
    table: `
      none    x    b    s    0    D
      edit    a    b    s    0    H
      same    s    b    s    0    H
      blank   0    b    s    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'prefer left',
    field: { policy: { kind: 'prefer', side: 'left' } },
    newer: 'right',
    table: `
      none    x    b    s    0    D
      edit    a    a    a    a    H
      same    s    s    s    s    H
      blank   0    0    0    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'prefer right',
    field: { policy: { kind: 'prefer', side: 'right' } },
    newer: 'left',
    table: `
      none    x    b    s    0    D
      edit    a    b    s    0    H
      same    s    b    s    0    H
      blank   0    b    s    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'prefer left unless blank',
    field: { policy: { kind: 'prefer-unless-blank', side: 'left' } },
    table: `
      none    x    b    s    0    D
      edit    a    a    a    a    H
      same    s    s    s    s    H
      blank   0    b    s    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'prefer right unless blank',
    field: { policy: { kind: 'prefer-unless-blank', side: 'right' } },
    table: `
      none    x    b    s    0    D
      edit    a    b    s    a    H
      same    s    b    s    s    H
      blank   0    b    s    0    H
      deleted D    H    H    H    E`,
  },
  {
    policy: 'to-right: left decides',
    field: { direction: 'to-right' },
    table: `
      none    x    x    x    x    D
      edit    a    a    a    a    H
      same    s    s    s    s    H
      blank   0    0    0    0    H
      deleted D    D    D    D    E`,
  },
  {
    policy: 'to-left: right decides',
    field: { direction: 'to-left' },
    table: `
      none    x    b    s    0    D
      edit    x    b    s    0    D
      same    x    b    s    0    D
      blank   x    b    s    0    D
      deleted D    H    H    H    E`,
  },
]

/** Lists: an edit takes `x` away and adds one, `same` adds one, blank takes all away: what one adds the other did not take. */
const UNION = `
      none    x    b    sx   0    D
      edit    a    ab   as   a    H
      same    sx   bs   sx   s    H
      blank   0    b    s    0    H
      deleted D    H    H    H    E`

const T0 = Date.parse('2026-11-24T10:00:00.000Z')
const TOLERANCE_MS = 2000

const peer = (system: string): Peer =>
  ({
    system,
    object: 'thing',
    granularityMs: 1,
    normalise: (_: string, value: unknown) => (value === '' || value === undefined ? null : value),
  }) as unknown as Peer

function configOf(field: Partial<SyncFieldConfig>): SyncConfig {
  const side = { object: 'thing', create: true, deletes: 'propagate' } as const
  return {
    name: 'things',
    left: { system: 'one', ...side },
    right: { system: 'two', ...side },
    match: [],
    fields: [
      { name: 'f', left: 'f', right: 'f', direction: 'both', policy: { kind: 'ask' }, tie: { kind: 'ask' }, ...field },
    ],
    skewToleranceMs: TOLERANCE_MS,
    guard: { creates: 9, updates: 9, deletes: 9 },
  }
}

/** When each side changed: clearly apart, or within what counts as simultaneous. */
function timeOf(side: SideName, newer: SideName | undefined): number {
  if (newer === undefined) return T0 + 60_000 + (side === 'left' ? 0 : TOLERANCE_MS / 2)
  return T0 + 60_000 + (side === newer ? 30_000 : 0)
}

class Pair {
  readonly link: Link = newLink('1')
  readonly #config: SyncConfig
  readonly #mapping
  readonly #base: unknown
  #now = T0

  constructor(field: Partial<SyncFieldConfig>, base: unknown) {
    this.#config = configOf(field)
    this.#base = base
    this.#mapping = createMapping(this.#config, { left: peer('one'), right: peer('two') }, () => {
      throw new Error('no expressions here')
    })
    for (const side of ['left', 'right'] as const) this.#see(side, base, T0)
    this.settle()
  }

  settle(): Due {
    this.#now += 1000
    return settle(this.link, this.#mapping, this.#config, {
      now: this.#now,
      toleranceMs: TOLERANCE_MS,
      matched: true,
      restores: { left: true, right: true },
      idFor: () => 'new',
    })
  }

  happens(side: SideName, what: Happened, value: unknown, at: number): void {
    this.#now = Math.max(this.#now, at)
    if (what === 'deleted') {
      const record = { id: side, version: iso(at), deleted: true, data: { f: this.#base } }
      this.#observe(side, { kind: 'deleted', record })
    } else if (what !== 'none') this.#see(side, value, at)
  }

  /** The sides answer what is due until nothing is. Then what both show, or why they do not. */
  ending(): string {
    for (let round = 0; round < 5; round++) {
      const due = this.settle()
      if (this.link.ended) return 'E'
      if (this.link.hold) return 'H'
      if (due.left?.op === 'delete' || due.right?.op === 'delete') return 'D'
      if (!due.left && !due.right) break
      for (const side of ['left', 'right'] as const) {
        const intended = due[side]
        if (!intended) continue
        this.#now += 1000
        const record = { id: side, version: iso(this.#now), deleted: false, data: { f: intended.values.f } }
        observeAnswer(
          this.link,
          { side, record, landed: 'exact', intended, offsetMs: 0, now: this.#now },
          this.#mapping,
        )
      }
    }
    const { held, left, right } = this.link.fields.f!
    if (held) {
      expect(held.before?.value).toEqual(this.#base)
      return '?'
    }
    expect(left.shown).toEqual(right.shown)
    return text(left.shown)
  }

  #see(side: SideName, value: unknown, at: number): void {
    this.#observe(side, {
      kind: 'present',
      record: { id: side, version: iso(at), deleted: false, data: { f: value } },
    })
  }

  #observe(side: SideName, change: Parameters<typeof observe>[1]['change']): void {
    observe(this.link, { side, change, source: 'event', offsetMs: 0, now: this.#now }, this.#mapping)
  }
}

function text(value: unknown): string {
  if (value === null) return '0'
  return Array.isArray(value) ? [...value].sort().join('') || '0' : String(value)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function cellsOf(table: string): Map<string, string> {
  const rows = table.trim().split('\n')
  return new Map(
    rows.flatMap(row => {
      const [left, ...cells] = row.trim().split(/\s+/)
      return cells.map((cell, at) => [`${left} / ${HAPPENED[at]}`, cell] as const)
    }),
  )
}

type Valued = (side: SideName, what: Happened) => unknown

const scalar: Valued = (side, what) =>
  what === 'edit' ? (side === 'left' ? 'a' : 'b') : what === 'same' ? 's' : what === 'blank' ? null : 'x'
const list: Valued = (side, what) =>
  what === 'edit' ? [side === 'left' ? 'a' : 'b'] : what === 'same' ? ['x', 's'] : what === 'blank' ? [] : ['x']

function run(
  field: Partial<SyncFieldConfig>,
  newer: SideName | undefined,
  valued: Valued,
  order: string,
): Map<string, string> {
  const endings = new Map<string, string>()
  for (const left of HAPPENED) {
    for (const right of HAPPENED) {
      const pair = new Pair(field, valued('left', 'none'))
      const happen = {
        left: () => pair.happens('left', left, valued('left', left), timeOf('left', newer)),
        right: () => pair.happens('right', right, valued('right', right), timeOf('right', newer)),
      }
      const [first, second] = order.startsWith('left') ? (['left', 'right'] as const) : (['right', 'left'] as const)
      happen[first]()
      // Decided already, and not yet written: the other side did not know.
      if (order.endsWith('settled between')) pair.settle()
      happen[second]()
      endings.set(`${left} / ${right}`, pair.ending())
    }
  }
  return endings
}

const ORDERS = ['left first', 'right first', 'left first, settled between', 'right first, settled between']

describe.each(ORDERS)('%s', order => {
  it.each(TABLES)('$policy', ({ field, newer, table }) => {
    const full: Partial<SyncFieldConfig> & { policy?: SyncPolicy } = field
    expect(Object.fromEntries(run(full, newer, scalar, order))).toEqual(Object.fromEntries(cellsOf(table)))
  })

  it('union of lists', () => {
    const endings = run({ policy: { kind: 'union' } }, undefined, list, order)
    expect(Object.fromEntries(endings)).toEqual(Object.fromEntries(cellsOf(UNION)))
  })
})
