import { describe, expect, it } from 'vitest'
import type { SideName, SyncConfig } from '../../src/config/config.ts'
import type { Link } from '../../src/sync/link.ts'
import { createMapping } from '../../src/sync/mapping.ts'
import { newLink, observe } from '../../src/sync/observe.ts'
import { observeAnswer } from '../../src/sync/observe-answer.ts'
import type { Peer } from '../../src/sync/peer.ts'
import { settle } from '../../src/sync/plan.ts'

const side = { object: 'thing', create: true, deletes: 'hold' } as const
const CONFIG: SyncConfig = {
  name: 'things',
  left: { system: 'one', ...side },
  right: { system: 'two', ...side },
  match: [],
  fields: [
    { name: 'f', left: 'f', right: 'f', direction: 'both', policy: { kind: 'latest' }, tie: { kind: 'ask' } },
    { name: 'g', left: 'g', right: 'g', direction: 'both', policy: { kind: 'latest' }, tie: { kind: 'ask' } },
  ],
  skewToleranceMs: 2000,
  guard: { creates: 9, updates: 9, deletes: 9 },
}
const peer = { normalise: (_: string, value: unknown) => value ?? null } as unknown as Peer
const mapping = createMapping(CONFIG, { left: peer, right: peer }, () => {
  throw new Error('no expressions here')
})

/** A pair whose sides are written to as the engine wants, at once. */
class Pair {
  readonly link: Link = newLink('1')
  #now = Date.parse('2026-11-24T10:00:00.000Z')
  readonly #data: Record<SideName, Record<string, unknown>> = { left: { f: 'x', g: 'x' }, right: { f: 'x', g: 'x' } }

  constructor() {
    this.says('left', {}, 0)
    this.says('right', {}, 0)
  }

  /** Somebody changes a field; the other side follows unless the field is held. */
  says(side: SideName, change: Record<string, unknown>, afterMs: number): void {
    this.#now += afterMs
    Object.assign(this.#data[side], change)
    const record = { id: side, version: this.#version(), deleted: false, data: { ...this.#data[side] } }
    const base = { offsetMs: 0, now: this.#now }
    observe(this.link, { side, change: { kind: 'present', record }, source: 'event', ...base }, mapping)
    const context = { now: this.#now, toleranceMs: 2000, matched: true, idFor: () => 'new' }
    const due = settle(this.link, mapping, CONFIG, { ...context, restores: { left: false, right: false } })
    for (const target of ['left', 'right'] as const) {
      const intended = due[target]
      if (!intended) continue
      this.#now += 1
      Object.assign(this.#data[target], intended.values)
      const answer = { id: target, version: this.#version(), deleted: false, data: { ...this.#data[target] } }
      const told = { side: target, record: answer, landed: 'exact', intended, offsetMs: 0, now: this.#now } as const
      observeAnswer(this.link, told, mapping)
    }
  }

  get held(): string | undefined {
    return this.link.fields.f?.held?.kind
  }

  #version(): string {
    return new Date(this.#now).toISOString()
  }
}

describe('two programs that answer each other', () => {
  it('are stopped when a value goes to and fro, and the other fields go on', () => {
    const pair = new Pair()
    for (const [side, value] of [
      ['left', 'a'],
      ['right', 'b'],
      ['left', 'a'],
      ['right', 'b'],
    ] as const) {
      pair.says(side, { f: value }, 5000)
    }
    expect(pair.held).toBe('loop')
    pair.says('left', { f: 'a', g: 'new' }, 5000)
    // Its next write is no answer to the question.
    expect(pair.held).toBe('loop')
    expect(pair.link.fields.g!.agreed).toMatchObject({ value: 'new' })
  })

  it('are stopped when the value grows with each reaction', () => {
    const pair = new Pair()
    for (let n = 0; n < 10; n++) pair.says(n % 2 ? 'right' : 'left', { f: `x${'!'.repeat(n + 1)}` }, 5000)
    expect(pair.held).toBe('loop')
  })

  it('are not seen in people who take their time', () => {
    const pair = new Pair()
    for (let n = 0; n < 10; n++) pair.says(n % 2 ? 'right' : 'left', { f: n % 2 ? 'b' : 'a' }, 10 * 60_000)
    expect(pair.held).toBeUndefined()
  })

  it('are not seen in one person who changes a value often', () => {
    const pair = new Pair()
    for (let n = 0; n < 20; n++) pair.says('left', { f: n % 2 ? 'b' : 'a' }, 3000)
    expect(pair.held).toBeUndefined()
  })
})
