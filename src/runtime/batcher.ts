import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import type { ActionSpec, Delivery, Item, Plan, Sink } from '../sinks/sink.ts'
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
  #planning = 0

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

  /** @throws SyncError of the item when it cannot be planned. */
  async plan(item: Item): Promise<PlannedEffect> {
    const claims = await this.#hold(this.#sink.claims?.(item) ?? [])
    try {
      const plan = await this.#planOne(item)
      if (plan instanceof SyncError) throw plan
      await this.#holdTarget(plan, claims)
      return {
        plan,
        deliver: () => this.#deliverOne(plan, claims),
        release: () => claims.release(),
      }
    } catch (error) {
      await claims.release()
      throw error
    }
  }

  #hold(names: readonly string[]): Promise<HeldClaims> | HeldClaims {
    return names.length === 0
      ? new HeldClaims()
      : this.#claims.hold(
          names.map(name => `${this.#system}/${name}`),
          this.#signal,
        )
  }

  /** An item without claims of its own still must not race another write to the same record. */
  async #holdTarget(plan: Plan, claims: HeldClaims): Promise<void> {
    if (!plan.target || !claims.empty || plan.operation === 'create' || plan.operation === 'none') return
    const target = await this.#claims.hold([`${this.#system}/${plan.target.object}/id/${plan.target.id}`], this.#signal)
    claims.onRelease(() => void target.release())
  }

  #planOne(item: Item): Promise<Plan | SyncError> {
    const spec = this.#actions[item.action]!
    if (!spec.batch) return this.#sink.plan([item], this.#signal).then(([plan]) => plan!)
    const key = `${item.priority}/${item.action}/${objectNamed(item.args)}`
    let queue = this.#plans.get(key)
    if (!queue) {
      const { deliver, plan = deliver } = spec.batch
      queue = new BatchQueue({
        clock: this.#env.clock,
        max: plan,
        full: deliver,
        send: items => this.#planMany(items),
      })
      this.#plans.set(key, queue)
    }
    return queue.add(item)
  }

  async #planMany(items: Item[]): Promise<(Plan | SyncError)[]> {
    this.#planning++
    try {
      return await this.#sink.plan(items, this.#signal)
    } finally {
      this.#planning--
      // After the planned items had the chance to commit their intents and come back for delivery.
      if (this.#planning === 0) this.#env.clock.after(5, () => this.#pokeAll())
    }
  }

  #pokeAll(): void {
    for (const queue of this.#deliveries.values()) queue.poke()
  }

  async #deliverOne(plan: Plan, claims: HeldClaims): Promise<Delivery> {
    if (!claims.empty && !(await claims.renew())) {
      throw new SyncError(
        'retryable',
        'CLAIM_LOST',
        `a claim on ${this.#system} lapsed before the write; it is planned again`,
      )
    }
    const spec = this.#actions[plan.item.action]!
    if (!spec.batch) return this.#sink.deliver([plan], this.#signal).then(([delivery]) => delivery!)
    const key = `${plan.item.priority}/${plan.operation}/${plan.target?.object ?? plan.item.action}`
    let queue = this.#deliveries.get(key)
    if (!queue) {
      queue = new BatchQueue({
        clock: this.#env.clock,
        max: spec.batch.deliver,
        full: spec.batch.deliver,
        send: plans => this.#sink.deliver(plans, this.#signal),
        moreComing: () => this.#planning > 0,
      })
      this.#deliveries.set(key, queue)
    }
    return queue.add(plan)
  }
}

function objectNamed(args: Fields): string {
  return typeof args.object === 'string' ? args.object : ''
}
