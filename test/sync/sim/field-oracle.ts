import type { SideName, SyncPolicy } from '../../../src/config/config.ts'
import { KEY, kept, type SimField, same, text, type Value } from './fields.ts'
import type { FieldPlan } from './schedule.ts'
import type { Change, SystemRecord } from './system.ts'
import type { Outcome } from './world.ts'

/** A value that a side's field had for a time, and how it came to have it. */
interface State {
  readonly value: Value
  readonly isEdit: boolean
  readonly change: Change
  /** By our measure of the side's clock: when the edit was made, and the latest time that it may be taken for. */
  readonly from: number
  to: number
  readonly at: number
}

/** What one side may be taken to have said last; undefined: nothing. */
type Said = State | undefined

type Verdict = { readonly value: Value } | 'held' | 'any list'

/** A side that confirmed its state so long ago at most is written without another look. */
const UNREAD_MS = 10_000
const SIDES: readonly SideName[] = ['left', 'right']

export function judgeField(
  outcome: Outcome,
  records: Readonly<Record<SideName, SystemRecord>>,
  field: SimField,
  held: 'ask' | 'loop' | undefined,
): { rule: string; message: string } | undefined {
  const judge = new FieldJudge(outcome, records, field)
  return judge.run(held)
}

class FieldJudge {
  readonly #outcome: Outcome
  readonly #records: Readonly<Record<SideName, SystemRecord>>
  readonly #field: SimField
  readonly #plan: FieldPlan
  readonly #states: Readonly<Record<SideName, State[]>>

  constructor(outcome: Outcome, records: Readonly<Record<SideName, SystemRecord>>, field: SimField) {
    this.#outcome = outcome
    this.#records = records
    this.#field = field
    this.#plan = outcome.schedule.fields.find(({ name }) => name === field.name)!
    this.#states = { left: this.#statesOf('left'), right: this.#statesOf('right') }
  }

  run(held: 'ask' | 'loop' | undefined): { rule: string; message: string } | undefined {
    const expected = this.#isMistakable()
      ? ['held' as const, ...SIDES.map(side => ({ value: this.#value(side) }))]
      : this.#expected()
    const shown = `left ${text(this.#value('left'))}, right ${text(this.#value('right'))}`
    const wanted = expected.map(each => (typeof each === 'string' ? each : text(each.value))).join(' or ')
    if (held === 'loop') {
      const edits = SIDES.flatMap(side => this.#states[side].filter(({ isEdit }) => isEdit))
      return edits.length >= 4 ? undefined : { rule: 'frozen', message: `after ${edits.length} edits; ${shown}` }
    }
    if (held === 'ask') {
      if (expected.includes('held')) return undefined
      return { rule: 'held', message: `although it should be ${wanted}; ${shown}` }
    }
    if (expected.length === 0) return undefined
    if (expected.some(each => this.#stands(each))) return undefined
    const isEqual = same(this.#value('left'), this.#value('right'))
    return { rule: isEqual ? 'winner' : 'different', message: `${shown}, expected ${wanted}` }
  }

  /**
   * A record that we made on a side that chooses the ids, whose answer was lost and whose key somebody changed before it
   * was looked for: it may be taken for another one's counterpart. Then the two have to be equal, whatever they have.
   */
  #isMistakable(): boolean {
    return SIDES.some(side => {
      const { traits, changes } = this.#outcome.systems[side]
      const own = changes.filter(({ id }) => id === this.#records[side].id)
      const [first] = own
      const isUnanswered = !traits.choosesId && first?.by !== undefined && first.answeredAt === undefined
      return isUnanswered && own.some(change => !change.by && change.fields.includes(KEY.name))
    })
  }

  #value(side: SideName): Value {
    return this.#records[side].values[this.#field.name] ?? null
  }

  #rewritten(side: SideName, value: Value): Value {
    return this.#outcome.systems[side].rewrite(this.#field.name, value)
  }

  #stands(verdict: Verdict): boolean {
    if (verdict === 'held') return false
    if (verdict === 'any list') return this.#isUnion()
    const { direction } = this.#plan
    if (direction === 'to-right') return same(this.#value('right'), this.#rewritten('right', verdict.value))
    if (direction === 'to-left') return same(this.#value('left'), this.#rewritten('left', verdict.value))
    return SIDES.every(side => same(this.#value(side), this.#rewritten(side, verdict.value)))
  }

  /** Both have it; nothing that nobody entered, and all that both last had. */
  #isUnion(): boolean {
    if (!same(this.#value('left'), this.#value('right'))) return false
    const now = items(this.#value('left'))
    const ever = new Set(SIDES.flatMap(side => this.#states[side].flatMap(({ value }) => items(value))))
    const [left, right] = SIDES.map(side => items(this.#states[side].findLast(({ isEdit }) => isEdit)?.value ?? null))
    return now.every(item => ever.has(item)) && left!.every(item => !right!.includes(item) || now.includes(item))
  }

  // --- what may stand

  #expected(): Verdict[] {
    const { direction } = this.#plan
    const left = this.#saidLast('left')
    const right = this.#saidLast('right')
    const verdicts: Verdict[] = []
    if (direction !== 'both') {
      const owner = direction === 'to-right' ? left : right
      // Nothing was ever said: what the other side has is left alone.
      if (owner.includes(undefined)) return []
      return owner.map(said => ({ value: said!.value }))
    }
    for (const one of left) for (const two of right) verdicts.push(...this.#between(one, two))
    return unique(verdicts)
  }

  #between(left: Said, right: Said): Verdict[] {
    if (!left && !right) return [{ value: null }]
    if (!left || !right) return [{ value: (left ?? right)!.value }]
    if (this.#surelyAfter('left', left, right)) return [{ value: left.value }]
    if (this.#surelyAfter('right', right, left)) return [{ value: right.value }]
    const verdicts = this.#decided(left, right)
    if (this.#maybeAfter('left', left, right)) verdicts.push({ value: left.value })
    if (this.#maybeAfter('right', right, left)) verdicts.push({ value: right.value })
    return verdicts
  }

  /** By policy, where neither knew of the other. */
  #decided(left: State, right: State): Verdict[] {
    if (same(left.value, right.value)) return [{ value: left.value }, { value: right.value }]
    const { policy, tie } = this.#plan
    if (policy.kind !== 'latest') return [this.#byRule(policy, left, right)]
    const verdicts: Verdict[] = []
    const tolerance = this.#toleranceMs
    if (left.to - right.from > tolerance) verdicts.push({ value: left.value })
    if (right.to - left.from > tolerance) verdicts.push({ value: right.value })
    const isTie = left.from - right.to <= tolerance && right.from - left.to <= tolerance
    if (isTie) verdicts.push(this.#byRule(tie, left, right))
    return verdicts
  }

  get #toleranceMs(): number {
    const { systems, config } = this.#outcome
    return Math.max(config.skewToleranceMs, ...SIDES.map(side => systems[side].traits.granularityMs))
  }

  #byRule(policy: SyncPolicy, left: State, right: State): Verdict {
    if (policy.kind === 'union') return 'any list'
    if (policy.kind === 'prefer') return { value: policy.side === 'left' ? left.value : right.value }
    if (policy.kind !== 'prefer-unless-blank') return 'held'
    const [first, second] = policy.side === 'left' ? [left, right] : [right, left]
    return { value: first.value === null ? second.value : first.value }
  }

  // --- who knew of what

  /** The side already had the other one's value, from a write of ours that was answered, when somebody edited it. */
  #surelyAfter(side: SideName, edit: State, rival: State): boolean {
    const before = this.#states[side].filter(state => state.change.seq < edit.change.seq)
    const written = before.findLast(({ isEdit }) => !isEdit)
    if (!written || written.at <= rival.at || written.change.answeredAt === undefined) return false
    if (!same(written.value, this.#rewritten(side, rival.value))) return false
    const alike = SIDES.flatMap(each =>
      this.#states[each].filter(state => state.isEdit && same(this.#rewritten(side, state.value), written.value)),
    )
    return alike.every(state => state === rival)
  }

  /**
   * The edit may have come after the question between the two was decided, or was open: the engine then takes it as made
   * with knowledge of the rival. When it learnt of what cannot be seen from outside.
   */
  #maybeAfter(side: SideName, edit: State, rival: State): boolean {
    const before = this.#states[side].filter(state => state.change.seq < edit.change.seq)
    if (
      before.some(
        state => !state.isEdit && state.at > rival.at && same(state.value, this.#rewritten(side, rival.value)),
      )
    )
      return true
    const earlier = before.filter(({ isEdit }) => isEdit)
    return earlier.some(state => {
      const [left, right] = side === 'left' ? [state, rival] : [rival, state]
      return this.#decided(left, right).some(verdict => {
        if (verdict === 'any list') return true
        if (verdict === 'held') return edit.to > rival.from
        return same(verdict.value, state.value)
      })
    })
  }

  // --- what was said

  #statesOf(side: SideName): State[] {
    const { systems } = this.#outcome
    const { measuredMs } = systems[side].traits
    const name = this.#field.name
    const states: State[] = []
    for (const change of systems[side].changes) {
      if (change.id !== this.#records[side].id) continue
      const instant = Date.parse(change.version) - measuredMs
      const last = states.at(-1)
      const value = change.after[name] ?? null
      const isTouched = change.fields.includes(name)
      // A side's version says when a state was so, not since when its fields were.
      if (last && (!isTouched || same(value, last.value))) last.to = instant
      if (!isTouched) continue
      states.push({ value, isEdit: !change.by, change, from: instant, to: instant, at: change.at })
    }
    return states
  }

  #saidLast(side: SideName): Said[] {
    const states = this.#states[side]
    const options: Said[] = []
    this.#collect(side, states, states.length - 1, options)
    return options
  }

  /** The last edit up to `at`; and where it may have escaped everybody, what was said before it. */
  #collect(side: SideName, states: readonly State[], at: number, options: Said[]): void {
    let place = at
    while (place >= 0 && !states[place]!.isEdit) place--
    const edit = states[place]
    if (!edit || (edit.value === null && edit.change.op === 'create')) {
      if (!options.includes(undefined)) options.push(undefined)
      return
    }
    if (options.includes(edit)) return
    options.push(edit)
    if (this.#mayBeUnsaid(side, edit) && !options.includes(undefined)) options.push(undefined)
    if (this.#mayBeOverwritten(side, states, place)) this.#collect(side, states, place - 1, options)
    for (let earlier = place - 1; earlier >= 0; earlier--) {
      if (same(states[earlier]!.value, edit.value)) this.#collect(side, states, earlier, options)
    }
  }

  /** An empty field of a record that has no counterpart yet is nobody's wish to clear the other side's. */
  #mayBeUnsaid(side: SideName, edit: State): boolean {
    // Nor of one that we made, as long as it has to be found again because the answer was lost.
    const [first] = this.#outcome.systems[side].changes.filter(({ id }) => id === this.#records[side].id)
    const isUnanswered = first?.by !== undefined && first.answeredAt === undefined
    if (edit.value === null && isUnanswered && !this.#outcome.systems[side].traits.choosesId) return true
    return edit.value === null && edit.at <= this.#pairedAt(side)
  }

  #pairedAt(_side: SideName): number {
    const { systems } = this.#outcome
    const times = SIDES.flatMap(side =>
      systems[side].changes.filter(change => change.by && change.id === this.#records[side].id).map(({ at }) => at),
    )
    return Math.min(...times, Number.POSITIVE_INFINITY)
  }

  /**
   * Somebody edited after we had last looked and before our write arrived, and no webhook told of it: there is no trace.
   * A side that refuses outdated writes has no such case.
   */
  #mayBeOverwritten(side: SideName, states: readonly State[], place: number): boolean {
    const edit = states[place]!
    const next = states.slice(place + 1).find(state => !state.isEdit)
    if (!next) return false
    const { traits } = this.#outcome.systems[side]
    if (traits.conditional) return false
    const isTold = edit.change.toldAt !== undefined && !this.#isSameInstant(side, states, place)
    return !isTold && next.at - edit.at <= UNREAD_MS + this.#slowestMs
  }

  /** Within one tick of a coarse clock nobody can say whether an edit came before our write or after it. */
  #isSameInstant(side: SideName, states: readonly State[], place: number): boolean {
    if (this.#outcome.systems[side].traits.granularityMs === 1) return false
    const { version } = states[place]!.change
    return version === states[place + 1]?.change.version || version === states[place - 1]?.change.version
  }

  /** From a look to the write that follows it, which may wait for its turn as the looks of its round did. */
  get #slowestMs(): number {
    const { faults, stateMs } = this.#outcome.schedule
    return 4 * (faults.latencyMs + faults.queuedMs) + 8 * stateMs
  }
}

function items(value: Value): readonly string[] {
  const plain = kept(value)
  return plain === null ? [] : typeof plain === 'string' ? [plain] : plain
}

function unique(verdicts: readonly Verdict[]): Verdict[] {
  const seen = new Map(verdicts.map(each => [typeof each === 'string' ? each : `=${text(each.value)}`, each]))
  return [...seen.values()]
}
