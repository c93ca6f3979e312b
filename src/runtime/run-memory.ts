import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Judgement } from '../processors/processor.ts'
import type { Item, Page, Plan } from '../sinks/sink.ts'
import type { StateStore, Write } from '../state/state-store.ts'
import { Caps } from './caps.ts'
import { DedupeClaims } from './dedupe-claims.ts'
import { outcomeUnknown } from './executor.ts'
import type { FlowKeys } from './flow-keys.ts'
import type { Run, RunRecord, StepRecord } from './run.ts'
import { RunCommits, summary } from './run-commits.ts'
import type { ActionStep } from './step.ts'

/** The value under the key of an effect that must not happen twice. */
export interface EffectRecord extends StepRecord {
  readonly event: string
  readonly key: string
  /** While open: what the call sent under the key. */
  readonly request?: unknown
}

/** What a step remembers from event to event, and what it answered the event, or the item of one, that came last. */
interface StepMemory<T> {
  readonly event: string
  readonly stepKey: string
  readonly time: string
  readonly answer: boolean
  readonly memory?: T
}

/**
 * What a flow remembers of its events, and the order in which it is written: the intent before a call, its result
 * before the offset. A replay leaves the run keys of the live flow alone.
 */
export class RunMemory {
  readonly claims: DedupeClaims
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #commits: RunCommits
  readonly #rememberMs: number
  readonly #caps: Caps

  constructor(options: { keys: FlowKeys; state: StateStore; clock: Clock; rememberMs: number }) {
    this.#keys = options.keys
    this.#state = options.state
    this.#commits = new RunCommits(options)
    this.#rememberMs = options.rememberMs
    this.#caps = new Caps(options)
    this.claims = new DedupeClaims(options)
  }

  /** P3: the answer is in the event's own record, so that it stays when a later event has moved the memory on. */
  async recall<T>(
    run: Run,
    step: string,
    stepKey: string,
    key: string,
    judge: (memory: T | undefined, isLate: boolean) => Judgement<T>,
  ): Promise<boolean> {
    const known = run.steps.get(stepKey)
    if (known) return known.result === true
    const row = this.#keys.memory(step, key)
    for (;;) {
      const [entry] = await this.#state.get([row])
      const last = entry?.value as StepMemory<T> | undefined
      if (last?.event === run.event.id && last.stepKey === stepKey) return last.answer
      const isLate = last !== undefined && Date.parse(last.time) > Date.parse(run.event.time)
      const { answer, memory } = judge(last?.memory, isLate)
      const { id: event, time } = run.event
      const value: StepMemory<T> = { event, stepKey, time, answer, memory: memory ?? last?.memory }
      if (run.dryRun) return answer
      run.steps.set(stepKey, { result: answer })
      if (isLate) {
        run.dirty = true
        return answer
      }
      if (await this.#commits.commit(run, [{ key: row, value, ifVersion: entry?.version ?? null }])) return answer
      run.steps.delete(stepKey)
      await this.#contestedOr(run)
    }
  }

  /** Kept in memory until the next commit takes it along. */
  keep(run: Run, stepKey: string, record: StepRecord): void {
    run.steps.set(stepKey, record)
    run.dirty = true
  }

  /**
   * What is stored of an effect that must not happen twice: its outcome; or, open, what an earlier try of this event sent.
   * @throws SyncError rejected `OUTCOME_UNKNOWN` for a blind effect that was begun; retryable `EFFECT_IN_PROGRESS`.
   */
  async earlierEffect(
    run: Run,
    step: ActionStep,
    item: Item,
    known: StepRecord | undefined,
  ): Promise<EffectRecord | undefined> {
    if (step.effect === 'safe') return undefined
    // With the event's own id as key and no run record there is no effect record: one commit writes both.
    if (run.mode === 'live' && !step.key && run.version === undefined && !run.mustLook) return undefined
    const [entry] = await this.#state.get([this.#keys.effect(item.key)])
    const record = entry?.value as EffectRecord | undefined
    if (!record) return undefined
    if (!record.open) return record
    if (run.mode === 'replay') {
      // It is not done again anyhow.
      if (!run.allEffects) return record
      // What nobody is doing any more stays open until a person has looked: a replay must not wait for that.
      if (await this.#isLeft(record.event, run)) throw outcomeUnknown(step)
    }
    if (record.event !== run.event.id || run.mode === 'replay') {
      throw new SyncError(
        'retryable',
        'EFFECT_IN_PROGRESS',
        `step "${step.id}": event ${record.event} is doing the effect "${item.key}"`,
      )
    }
    // A person who redrives has looked.
    const told = run.mode === 'redrive' || step.onUnknown === 'repeat'
    if (known?.open && step.effect === 'blind' && !told) throw outcomeUnknown(step)
    return record
  }

  /** Of a dead event, or of this one from before: of an item that failed alone, or of an earlier life of the replay. */
  async #isLeft(event: string, run: Run): Promise<boolean> {
    const [entry] = await this.#state.get([this.#keys.run(event)])
    const status = (entry?.value as RunRecord | undefined)?.status
    return status === 'dead' || (event === run.event.id && status !== 'running')
  }

  /**
   * P3: the intent is durable before the call. True when the write is stale: a newer event's write reached the target.
   * @throws SyncError retryable `RUN_CONTESTED` when another process works on this event; rejected `CAP_REACHED`.
   */
  intend(run: Run, step: ActionStep, plan: Plan, stepKey: string): Promise<boolean> {
    return this.#caps.inTurn(step, () => this.#intend(run, step, plan, stepKey))
  }

  async #intend(run: Run, step: ActionStep, plan: Plan, stepKey: string): Promise<boolean> {
    if (step.effect === 'safe' && !plan.target && !step.caps) return false
    const applied = plan.target && this.#keys.applied(step.id, plan.target.object, plan.target.id)
    const effect = step.effect === 'safe' ? undefined : this.#keys.effect(plan.item.key)
    const known = run.steps.get(stepKey)
    for (;;) {
      const writes: Write[] = []
      if (applied) {
        const [entry] = await this.#state.get([applied])
        // P4: a write from an older event never overwrites one from a newer; an equal time runs.
        if (entry && Date.parse(entry.value as string) > Date.parse(plan.item.time)) return true
        writes.push({ key: applied, value: plan.item.time, ifVersion: entry?.version ?? null, ttlMs: this.#rememberMs })
        run.restores.set(stepKey, { key: applied, value: entry?.value, ttlMs: this.#rememberMs })
      }
      if (effect) {
        const { item, request } = plan
        const value: EffectRecord = {
          event: run.event.id,
          key: item.key,
          open: true,
          ...(step.effect === 'keyed' && request !== undefined && { request }),
        }
        writes.push({ key: effect, value, ttlMs: this.#rememberMs, ...(known?.open ? {} : { ifVersion: null }) })
      }
      const counts = await this.#caps.counted(run, step, known?.open === true)
      run.steps.set(stepKey, { open: true, ...(step.key && { key: plan.item.key }) })
      if (await this.#commits.commit(run, [...writes, ...counts])) {
        if (counts.length > 0)
          run.counted.set(
            stepKey,
            counts.map(({ key }) => key),
          )
        return false
      }
      if (known) run.steps.set(stepKey, known)
      else run.steps.delete(stepKey)
      await this.#whyLost(run, step, effect, known?.open === true)
    }
  }

  async done(run: Run, step: ActionStep, plan: Plan, stepKey: string, record: StepRecord): Promise<void> {
    run.steps.set(stepKey, record)
    run.dirty = true
    if (step.effect !== 'safe') run.unsaved.add(this.#effectDone(run, plan, record))
    // The last step's result goes with the done mark, in one commit.
    if (step.last) return
    await this.save(run)
  }

  /** The call surely had no effect: the intent goes, so that a later crash does not make it look unknown. */
  async withdraw(run: Run, step: ActionStep, plan: Plan, stepKey: string): Promise<void> {
    run.steps.delete(stepKey)
    const writes: Write[] = step.effect === 'safe' ? [] : [{ key: this.#keys.effect(plan.item.key) }]
    // What did not reach the target does not make an older write stale.
    const restore = run.restores.get(stepKey)
    if (restore) writes.push(restore.value === undefined ? { key: restore.key } : restore)
    run.restores.delete(stepKey)
    const counted = run.counted.get(stepKey) ?? []
    run.counted.delete(stepKey)
    for (;;) {
      const all = [...writes, ...(await this.#caps.withdrawn(counted))]
      if (all.length === 0 || (await this.#commits.commit(run, all))) return
      await this.#contestedOr(run)
    }
  }

  /** Everything that the run knows, durable. */
  async save(run: Run): Promise<void> {
    if (run.dirty || run.unsaved.size > 0) await this.#commitOrContest(run, [])
  }

  /** The last commit: results go, the mark stays. Nothing is written for an event that left no trace. */
  finish(run: Run, skip: string | undefined): Promise<void> | undefined {
    if (run.dryRun || (!run.effects && run.claims.size === 0 && run.version === undefined && run.unsaved.size === 0))
      return undefined
    return this.#finish(run, skip)
  }

  async #finish(run: Run, skip: string | undefined): Promise<void> {
    await this.#commitOrContest(run, this.claims.confirmed(run), 'done', skip)
  }

  /**
   * Results of effects stay, so that a redrive goes on where it stopped. What was read is read again then: somebody may
   * have put it right. Dedupe claims are let go.
   */
  async dead(run: Run): Promise<void> {
    for (const [step, { read }] of run.steps) if (read) run.steps.delete(step)
    await this.#commitOrContest(run, this.claims.released(run), 'dead')
    run.claims.clear()
  }

  /** A write that can join the run's own next commit. */
  #effectDone(run: Run, plan: Plan, record: StepRecord): Write {
    // The key and the reference stay, for long; what the answer said goes with the run.
    const value: EffectRecord = { ...summary(record), event: run.event.id, key: plan.item.key }
    return { key: this.#keys.effect(plan.item.key), value, ttlMs: this.#rememberMs }
  }

  /**
   * A page of what an `each` goes over. P3: it is stored before the first of its items is run, so that a run that goes on
   * meets the same ones in the same batches, whatever has changed in the system since.
   */
  async page(run: Run, of: string, page: number, read: () => Promise<Page>): Promise<Page> {
    if (run.mode === 'replay') return read()
    const key = this.#keys.page(run.id, of, page)
    const [entry] = await this.#state.get([key])
    if (entry) return entry.value as Page
    const found = await read()
    await this.#commitOrContest(run, [{ key, value: found, ttlMs: this.#rememberMs }])
    return found
  }

  /** All of its items have ended; the next commit says so, too. */
  forgetPage(run: Run, of: string, page: number): void {
    if (run.mode !== 'replay') run.unsaved.add({ key: this.#keys.page(run.id, of, page) })
  }

  async #commitOrContest(run: Run, writes: Write[], status?: RunRecord['status'], skip?: string): Promise<void> {
    if (!(await this.#commits.commit(run, writes, status, skip))) throw contested(run)
  }

  /** After a lost race: @throws SyncError when it was about the run itself. */
  async #contestedOr(run: Run): Promise<void> {
    if (run.mode === 'replay') return
    const [own] = await this.#state.get([this.#keys.run(run.id)])
    if (own?.version !== run.version) throw contested(run)
  }

  async #whyLost(run: Run, step: ActionStep, effect: string | undefined, wasOurs: boolean): Promise<void> {
    const keys = [this.#keys.run(run.id), ...(effect ? [effect] : [])]
    const [own, other] = await this.#state.get(keys)
    if (run.mode !== 'replay' && own?.version !== run.version) throw contested(run)
    if (!other || wasOurs) return
    // Another event with this key, or a replay of this very event: the next try asks how that ended.
    run.mustLook = true
    throw new SyncError(
      'retryable',
      'EFFECT_IN_PROGRESS',
      `step "${step.id}": this effect is done or being done elsewhere`,
    )
  }
}

function contested(run: Run): SyncError {
  return new SyncError(
    'retryable',
    'RUN_CONTESTED',
    `event ${run.event.id} is being worked on by another process; its record is read again`,
  )
}
