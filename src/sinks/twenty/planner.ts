import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import type { TwentySchema } from '../../clients/twenty/schema.ts'
import type { Clock } from '../../environment.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Item, Page, Plan } from '../sink.ts'
import { linkRows, targetsObject } from './links.ts'
import { Lookup, type Need } from './lookup.ts'
import { Members } from './members.ts'
import { mayBeOutdated } from './outcomes.ts'
import { newId, planWish, privateOf } from './plan-wish.ts'
import { RowIndex } from './row-index.ts'
import { Selection, selects } from './selection.ts'
import { uniqueKeys } from './values.ts'
import { type Wish, wishOf } from './wish.ts'

export interface PlanOptions extends CallOptions {
  /** After a duplicate error: look for the effect's own record and for every unique value, whatever the config matches by. */
  readonly afterDuplicate?: boolean
}

/**
 * Turns items into plans, by reading what they are about in as few calls as possible. Each item is planned from what
 * was read alone: of two for one record the runtime lets the second be planned again after the first.
 */
export class Planner {
  readonly #client: TwentyClient
  readonly #lookup: Lookup
  readonly #members: Members
  readonly #selection: Selection

  constructor(client: TwentyClient, clock: Clock) {
    this.#client = client
    this.#lookup = new Lookup(client, clock)
    this.#selection = new Selection(client, clock)
    this.#members = new Members(client, clock)
  }

  /** One plan or error per item, same order. Throws only what keeps every item from being planned. */
  async plan(items: readonly Item[], options: PlanOptions): Promise<(Plan | SyncError)[]> {
    const others = items.filter(item => !selects(item))
    const [lists, plans] = await Promise.all([
      Promise.all(items.filter(selects).map(item => this.#planList(item, options))),
      others.length === 0 ? [] : this.#planRecords(others, options),
    ])
    const [list, plan] = [lists.values(), plans.values()]
    return items.map(item => (selects(item) ? list : plan).next().value!)
  }

  /** A page of what the item finds; of what finds one record, that one. */
  async page(item: Item, cursor: string | undefined, options: CallOptions): Promise<Page> {
    if (selects(item)) return doubtfulOnce(() => this.#selection.page(item, cursor, options), this.#client, options)
    const [plan] = await this.#planRecords([item], options)
    if (plan instanceof SyncError) throw plan
    return { items: isFields(plan?.result) ? [plan.result] : [] }
  }

  async #planList(item: Item, options: CallOptions): Promise<Plan | SyncError> {
    try {
      const result = await doubtfulOnce(() => this.#selection.list(item, options), this.#client, options)
      return { item, operation: 'read', result }
    } catch (thrown) {
      return asSyncError(thrown)
    }
  }

  async #planRecords(items: readonly Item[], options: PlanOptions): Promise<(Plan | SyncError)[]> {
    const schema = await this.#client.schemas.get(options)
    const plans = await this.#planWith(schema, items, options)
    const doubtful = items.filter((_, place) => isDoubtful(plans[place]!))
    if (doubtful.length === 0) return plans
    const newest = await this.#client.schemas.refreshOnDemand(options).catch(() => schema)
    if (newest === schema) return plans
    const again = await this.#planWith(newest, doubtful, options)
    return plans.map((plan, place) => (isDoubtful(plan) ? again[doubtful.indexOf(items[place]!)]! : plan))
  }

  async #planWith(schema: TwentySchema, items: readonly Item[], options: PlanOptions): Promise<(Plan | SyncError)[]> {
    const assignees = await this.#members.of(items, schema, options)
    const wishes = items.map(item => caught(() => wishOf(item, schema, assignees)))
    const index = new RowIndex()
    await this.#lookup.read(
      wishes.flatMap(wish => (wish instanceof SyncError ? [] : needsOf(wish, options))),
      index,
      options,
    )
    const plans = wishes.map(wish => (wish instanceof SyncError ? wish : caught(() => planWish(wish, index))))
    await this.#readLinks(wishes, plans, schema, index, options)
    return plans.map((plan, place) => {
      const wish = wishes[place]!
      if (plan instanceof SyncError || wish instanceof SyncError || wish.links.length === 0) return plan
      return caught(() => withLinks(plan, wish, schema, index))
    })
  }

  /** The links that existing notes and tasks have already. */
  async #readLinks(
    wishes: readonly (Wish | SyncError)[],
    plans: readonly (Plan | SyncError)[],
    schema: TwentySchema,
    index: RowIndex,
    options: CallOptions,
  ): Promise<void> {
    const needs = plans.flatMap((plan, place): Need[] => {
      const wish = wishes[place]!
      if (plan instanceof SyncError || wish instanceof SyncError) return []
      if (wish.links.length === 0 || plan.operation === 'create' || !plan.target) return []
      const targets = schema.objects.get(`${wish.object.name}Target`)
      if (!targets) return []
      return [{ object: targets, keys: [[{ at: targets.resolve(`${wish.object.name}Id`), value: plan.target.id }]] }]
    })
    await this.#lookup.read(needs, index, options)
  }
}

function needsOf(wish: Wish, { afterDuplicate }: PlanOptions): Need[] {
  const { item, object } = wish
  const creates = item.action === 'create' || item.action === 'upsert'
  const ids = [
    ...(wish.id === undefined ? [] : [wish.id]),
    // P3: an earlier try may have made it. A plain create needs no read otherwise.
    ...(creates && (item.outcomeUnknown || afterDuplicate) ? [newId(wish)] : []),
  ]
  const keys = [
    ...(wish.id === undefined ? wish.keys : []),
    ...(creates && afterDuplicate ? uniqueKeys(object, wish.values) : []),
  ]
  return ids.length + keys.length === 0 ? [] : [{ object, ids, keys }]
}

/** A record that is as wanted but lacks links gets just these. */
function withLinks(plan: Plan, wish: Wish, schema: TwentySchema, index: RowIndex): Plan {
  const targets = targetsObject(wish.object, schema)
  if (!plan.target || plan.operation === 'read' || plan.operation === 'delete' || staysAsItIs(plan, wish)) return plan
  const links = linkRows(wish, plan.target.id, schema, index)
  if (links.length === 0) return plan
  return {
    ...plan,
    operation: plan.operation === 'none' ? 'update' : plan.operation,
    after: { ...plan.after, links: wish.links },
    also: links.map(({ id }) => ({ object: targets.name, id: String(id) })),
    private: { ...privateOf(plan), links },
  }
}

/** In the trash, or somebody else's record that the config says to keep. */
function staysAsItIs(plan: Plan, wish: Wish): boolean {
  if (plan.operation !== 'none') return false
  return (isFields(plan.result) && Boolean(plan.result.deletedAt)) || (wish.onMatch === 'keep' && !privateOf(plan).ours)
}

function caught<T>(make: () => T): T | SyncError {
  try {
    return make()
  } catch (thrown) {
    return asSyncError(thrown)
  }
}

/** Again with the newest field list, where a name is unknown that may have come since. */
async function doubtfulOnce<T>(read: () => Promise<T>, { schemas }: TwentyClient, options: CallOptions): Promise<T> {
  const known = schemas.latest
  try {
    return await read()
  } catch (thrown) {
    const error = asSyncError(thrown)
    if (!mayBeOutdated(error) || (await schemas.refreshOnDemand(options)) === known) throw error
    return read()
  }
}

function isDoubtful(plan: Plan | SyncError): boolean {
  return plan instanceof SyncError && mayBeOutdated(plan)
}
