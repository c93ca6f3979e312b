import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { ChangeEvent, Fields } from '../event.ts'
import type { ActionSpec, Amendment, Batch, Delivery, Item, Page, Plan, Sink } from '../sinks/sink.ts'
import { whileOwned } from './abandoned.ts'
import { BatchQueue } from './batch-queue.ts'
import { type Claims, HeldClaims } from './claims.ts'

/** One effect between its plan and its delivery. */
export interface PlannedEffect {
  readonly plan: Plan
  /** @throws what the call as a whole failed with. */
  deliver(): Promise<Delivery>
  /** Always called, delivered or not. */
  release(): Promise<void>
}

/**
 * All items of one system, from all flows: groups them into calls, live ones apart from replayed ones, and holds what
 * the sink claims from before the plan until after the delivery.
 */
export class Batcher {
  readonly #system: string
  readonly #sink: Sink
  readonly #actions: Readonly<Record<string, ActionSpec>>
  readonly #env: Environment
  readonly #claims: Claims
  readonly #signal: AbortSignal
  readonly #plans = new Map<string, BatchQueue<Item, Plan | SyncError>>()
  readonly #deliveries = new Map<string, BatchQueue<Plan, Delivery>>()
  /** Plan calls under way, by priority: a live write waits for no replay. */
  readonly #planning = { live: 0, replay: 0 }

  constructor(options: {
    system: string
    sink: Sink
    actions: Readonly<Record<string, ActionSpec>>
    env: Environment
    claims: Claims
    /** Aborts every call. */
    signal: AbortSignal
  }) {
    this.#system = options.system
    this.#sink = options.sink
    this.#actions = options.actions
    this.#env = options.env
    this.#claims = options.claims
    this.#signal = options.signal
  }

  /**
   * P3: a write is planned from what is so while its names are held. Where somebody else may have written under them
   * since the read, it is read again.
   * @param owned whoever waits here for a name or for a read stops waiting when it is aborted: a drain is not held up.
   * @param isOneOfMany others like it are on their way, whose calls it waits for a moment to share.
   * @throws SyncError of the item when it cannot be planned. Abandoned
   */
  async plan(item: Item, owned: AbortSignal, isOneOfMany = false): Promise<PlannedEffect> {
    for (;;) {
      const mark = this.#claims.mark()
      const plan = thrownIfError(await whileOwned(owned, this.#planOne(item, isOneOfMany)))
      const names = this.#namesFor(plan)
      if (names.length === 0) return this.#planned(plan, NO_CLAIMS, isOneOfMany)
      const held = await this.#claims.tryHold(names)
      if (!held) await whileOwned(owned, this.#claims.whenFree(names, AbortSignal.any([this.#signal, owned])))
      else if (held.freshSince(mark)) return this.#planned(plan, held, isOneOfMany)
      else {
        const again = await this.#planUnder(held, item, owned, isOneOfMany)
        if (again) return again
      }
    }
  }

  /** One page of a paged action. @param owned as of `plan`. */
  page(item: Item, cursor: string | undefined, owned: AbortSignal): Promise<Page> {
    if (!this.#sink.page) throw new Error(`${this.#system} has no pages of \`${item.action}\``)
    return whileOwned(owned, this.#sink.page(item, cursor, this.#signal))
  }

  amendmentOf(echo: ChangeEvent, planned: Plan['operation']): Amendment | undefined {
    return this.#sink.amend?.(echo, planned)
  }

  /** undefined when the write turned out to need other names. */
  async #planUnder(
    held: HeldClaims,
    item: Item,
    owned: AbortSignal,
    isOneOfMany: boolean,
  ): Promise<PlannedEffect | undefined> {
    try {
      const plan = thrownIfError(await whileOwned(owned, this.#planOne(item, isOneOfMany)))
      if (held.covers(this.#namesFor(plan))) return this.#planned(plan, held, isOneOfMany)
    } catch (error) {
      await held.release()
      throw error
    }
    await held.release()
    return undefined
  }

  /** A create holds the keys under which the record could be found; a write to a record holds the record. */
  #namesFor({ item, operation, target }: Plan): string[] {
    if (operation === 'none' || operation === 'read') return []
    const names = operation === 'create' ? this.#sink.claims?.(item) : target && [`${target.object}/id/${target.id}`]
    return (names ?? []).map(name => `${this.#system}/${name}`)
  }

  #planned(plan: Plan, held: HeldClaims, isOneOfMany: boolean): PlannedEffect {
    return { plan, deliver: () => this.#deliverOne(plan, held, isOneOfMany), release: () => held.release() }
  }

  #planOne(item: Item, isOneOfMany: boolean): Promise<Plan | SyncError> {
    const batch = this.#batchOf(item)
    if (!batch || batch.plan === 1) return this.#sink.plan([item], this.#signal).then(([plan]) => plan!)
    const key = `${item.priority}/${batch.kind ?? `${item.action}/${objectNamed(item.args)}`}`
    let queue = this.#plans.get(key)
    if (!queue) {
      const { deliver, plan = deliver, patienceMs } = batch
      queue = new BatchQueue({
        clock: this.#env.clock,
        max: plan,
        full: deliver,
        send: items => this.#planMany(items),
        ...(patienceMs !== undefined && { patienceMs }),
      })
      this.#plans.set(key, queue)
    }
    return queue.add(item, isOneOfMany)
  }

  #batchOf(item: Item): Batch | undefined {
    return this.#sink.batchOf?.(item) ?? this.#actions[item.action]!.batch
  }

  async #planMany(items: Item[]): Promise<(Plan | SyncError)[]> {
    const { priority } = items[0]!
    this.#planning[priority]++
    try {
      return await this.#sink.plan(items, this.#signal)
    } finally {
      this.#planning[priority]--
      // After the planned items had the chance to commit their intents and come back for delivery.
      if (this.#planning[priority] === 0) this.#env.clock.after(5, () => this.#pokeAll())
    }
  }

  #pokeAll(): void {
    for (const queue of this.#deliveries.values()) queue.poke()
  }

  async #deliverOne(plan: Plan, claims: HeldClaims, isOneOfMany: boolean): Promise<Delivery> {
    if (claims.lost) {
      throw new SyncError(
        'retryable',
        'CLAIM_LOST',
        `a claim on ${this.#system} lapsed before the write; it is planned again`,
      )
    }
    const batch = this.#batchOf(plan.item)
    if (!batch) return this.#sink.deliver([plan], this.#signal).then(([delivery]) => delivery!)
    const key = `${plan.item.priority}/${batch.kind ?? `${plan.operation}/${plan.target?.object ?? plan.item.action}`}`
    let queue = this.#deliveries.get(key)
    if (!queue) {
      queue = new BatchQueue({
        clock: this.#env.clock,
        max: batch.deliver,
        full: batch.deliver,
        send: plans => this.#sink.deliver(plans, this.#signal),
        moreComing: () => this.#planning[plan.item.priority] > 0,
        ...(batch.patienceMs !== undefined && { patienceMs: batch.patienceMs }),
      })
      this.#deliveries.set(key, queue)
    }
    return queue.add(plan, isOneOfMany)
  }
}

const NO_CLAIMS = new HeldClaims()

function thrownIfError(plan: Plan | SyncError): Plan {
  if (plan instanceof SyncError) throw plan
  return plan
}

function objectNamed(args: Fields): string {
  return typeof args.object === 'string' ? args.object : ''
}
