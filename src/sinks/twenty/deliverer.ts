import { isolate } from '../../clients/isolate.ts'
import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import { MOST_AFFECTED, type Row } from '../../clients/twenty/records.ts'
import type { TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Delivery, Plan } from '../sink.ts'
import { LinkWriter } from './link-writer.ts'
import {
  byId,
  created,
  found,
  gone,
  isUnknownField,
  type Outcomes,
  record,
  rowOf,
  sameInstant,
  settled,
  unanswered,
  updated,
} from './outcomes.ts'
import { privateOf } from './plan-wish.ts'
import type { Planner } from './planner.ts'

/** Sends what was planned: batch creates with our ids, batch upserts by id, deletes by id lists. */
export class Deliverer {
  readonly #client: TwentyClient
  readonly #planner: Planner
  readonly #links: LinkWriter
  readonly #batch: number

  constructor(client: TwentyClient, planner: Planner, batch: number) {
    this.#client = client
    this.#planner = planner
    this.#links = new LinkWriter(client, batch)
    this.#batch = batch
  }

  /** One delivery per plan, same order. Throws only when the field list cannot be had. */
  async deliver(plans: readonly Plan[], options: CallOptions): Promise<Delivery[]> {
    const schema = await this.#client.schemas.get(options)
    const outcomes: Outcomes = new Map()
    for (const group of groupsOf(plans)) await this.#deliverGroup(group, schema, outcomes, options)
    await this.#links.write(plans, schema, outcomes, options)
    if ([...outcomes.values()].some(isUnknownField)) await this.#client.schemas.refreshOnDemand(options).catch(() => {})
    return plans.map(plan => outcomes.get(plan)!)
  }

  async #deliverGroup(
    plans: readonly Plan[],
    schema: TwentySchema,
    outcomes: Outcomes,
    options: CallOptions,
  ): Promise<void> {
    const { operation, target } = plans[0]!
    if (!target || operation === 'none' || operation === 'read') {
      for (const plan of plans) outcomes.set(plan, { status: 'delivered', result: plan.result })
      return
    }
    const object = schema.objects.get(target.object)
    if (!object) {
      const error = new SyncError('rejected', 'UNKNOWN_OBJECT', `Twenty has no object "${target.object}" any more`)
      for (const plan of plans) outcomes.set(plan, { status: 'failed', error })
      return
    }
    const most = operation === 'delete' ? Math.min(this.#batch, MOST_AFFECTED) : this.#batch
    for (const chunk of chunksOf(plans, most)) {
      if (operation === 'create') await this.#create(chunk, object, outcomes, options)
      else if (operation === 'delete') await this.#delete(chunk, object, outcomes, options)
      else await this.#update(chunk, object, outcomes, options)
    }
  }

  async #create(plans: readonly Plan[], object: TwentyObject, outcomes: Outcomes, options: CallOptions): Promise<void> {
    const send = async (some: readonly Plan[]) => {
      const rows = byId(await this.#client.create(object, some.map(rowOf), options))
      return some.map(plan => created(plan, rows.get(plan.target!.id)))
    }
    let left = plans
    let refusal: SyncError | undefined
    try {
      const sent = await send(plans)
      plans.forEach((plan, place) => void outcomes.set(plan, sent[place]!))
      return
    } catch (thrown) {
      refusal = asSyncError(thrown)
    }
    if (refusal.code === 'TWENTY_DUPLICATE') {
      left = await this.#settleDuplicates(plans, object, outcomes, options)
      // With some of them gone the rest deserves a try as a whole.
      if (left.length < plans.length) refusal = undefined
    }
    if (left.length > 0) record(left, await isolate(left, send, { refusal }), outcomes)
  }

  /**
   * A value that must be unique is taken, or an earlier try got through: reads again and plans again, once.
   * @returns the plans that are still creates.
   */
  async #settleDuplicates(
    plans: readonly Plan[],
    object: TwentyObject,
    outcomes: Outcomes,
    options: CallOptions,
  ): Promise<Plan[]> {
    let again: (Plan | SyncError)[]
    try {
      again = await this.#planner.plan(
        plans.map(plan => plan.item),
        { ...options, afterDuplicate: true },
      )
    } catch (thrown) {
      for (const plan of plans) outcomes.set(plan, { status: 'failed', error: asSyncError(thrown) })
      return []
    }
    const updates: Plan[] = []
    const left: Plan[] = []
    for (const [place, plan] of plans.entries()) {
      const next = again[place]!
      if (next instanceof SyncError) outcomes.set(plan, { status: 'failed', error: next })
      else if (next.operation === 'create') left.push(plan)
      else if (next.operation === 'none') outcomes.set(plan, found(next))
      else updates.push({ ...next, item: plan.item })
    }
    if (updates.length > 0) {
      const done: Outcomes = new Map()
      for (const chunk of chunksOf(updates, this.#batch)) await this.#update(chunk, object, done, options)
      for (const update of updates) {
        const plan = plans.find(each => each.item === update.item)!
        outcomes.set(plan, settled(done.get(update)!))
      }
    }
    return left
  }

  async #update(plans: readonly Plan[], object: TwentyObject, outcomes: Outcomes, options: CallOptions): Promise<void> {
    const writes = plans.filter(plan => Object.keys(privateOf(plan).values).length > 0 || privateOf(plan).restore)
    for (const plan of plans) if (!writes.includes(plan)) outcomes.set(plan, found(plan))
    const send = async (some: readonly Plan[]): Promise<Delivery[]> => {
      const [only] = some
      // By PATCH nothing in the trash comes back; by upsert it would.
      if (some.length === 1 && !privateOf(only!).restore) return [await this.#patch(only!, object, options)]
      const rows = byId(await this.#client.upsert(object, some.map(rowOf), options))
      return Promise.all(some.map(plan => this.#upserted(plan, rows.get(plan.target!.id), object, options)))
    }
    if (writes.length > 0) record(writes, await isolate(writes, send), outcomes)
  }

  async #patch(plan: Plan, object: TwentyObject, options: CallOptions): Promise<Delivery> {
    try {
      return updated(plan, await this.#client.update(object, rowOf(plan), options))
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.code === 'TWENTY_NOT_FOUND') return gone(plan)
      throw error
    }
  }

  /** P7: where the record was destroyed after it was read, the upsert has made a new one; that is taken back. */
  async #upserted(plan: Plan, row: Row | undefined, object: TwentyObject, options: CallOptions): Promise<Delivery> {
    if (!row) return { status: 'failed', error: unanswered(plan) }
    const { createdAt } = privateOf(plan)
    if (typeof createdAt !== 'string' || sameInstant(createdAt, row.createdAt)) return updated(plan, row)
    try {
      await this.#client.remove(object, [row.id], { ...options, destroy: true })
      return gone(plan)
    } catch (thrown) {
      return { status: 'failed', error: asSyncError(thrown) }
    }
  }

  async #delete(plans: readonly Plan[], object: TwentyObject, outcomes: Outcomes, options: CallOptions): Promise<void> {
    for (const destroy of [false, true]) {
      const some = plans.filter(plan => (privateOf(plan).destroy === true) === destroy)
      const send = async (part: readonly Plan[]): Promise<Delivery[]> => {
        const ids = part.map(plan => plan.target!.id)
        const removed = new Set(await this.#client.remove(object, ids, { ...options, destroy }))
        return part.map(plan =>
          removed.has(plan.target!.id)
            ? { status: 'delivered', ref: plan.target!, result: plan.result }
            : { status: 'skipped', reason: 'gone already', result: plan.result },
        )
      }
      if (some.length > 0) record(some, await isolate(some, send), outcomes)
    }
  }
}

/** Same operation on the same object: one kind of call. */
function groupsOf(plans: readonly Plan[]): Iterable<Plan[]> {
  const groups = new Map<string, Plan[]>()
  for (const plan of plans) {
    const kind = `${plan.operation} ${plan.target?.object ?? ''}`
    const group = groups.get(kind)
    if (group) group.push(plan)
    else groups.set(kind, [plan])
  }
  return groups.values()
}

/** No chunk holds a record twice: the later write would be lost or refused. */
function chunksOf(plans: readonly Plan[], most: number): Plan[][] {
  const chunks: Plan[][] = []
  let chunk: Plan[] = []
  let ids = new Set<string>()
  for (const plan of plans) {
    if (chunk.length === most || ids.has(plan.target!.id)) {
      chunks.push(chunk)
      chunk = []
      ids = new Set()
    }
    chunk.push(plan)
    ids.add(plan.target!.id)
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}
