import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import type { Amendment, Delivery, Item, Page, Plan, Sink } from '../../src/sinks/sink.ts'

/** Versions of its records: one more millisecond per effect. */
const VERSIONS_FROM = Date.parse('2026-11-24T10:00:00.000Z')

/**
 * An outside system that remembers every effect, with faults on switches. It makes no promise of its own:
 * a call that comes twice counts twice.
 */
export class FakeSystem implements Sink {
  readonly effects: { key: string; args: Fields; time: string }[] = []
  readonly planCalls: number[] = []
  readonly deliverCalls: number[] = []
  /** Called before each effect; may throw, or wait. */
  before: (item: Item) => void | Promise<void> = () => {}
  /** Called after each effect, before its answer; may throw: the answer is lost. */
  after: (item: Item, version: string) => void | Promise<void> = () => {}
  /** Further records that a plan says it will create. */
  alsoOf: (item: Item) => Plan['also'] = () => undefined
  /** What became of the effect, where the system did something else than planned. */
  answerOf: (item: Item, delivery: Delivery) => Delivery = (_, delivery) => delivery
  /** What is said to an echo of a write that is not the amendment's own. */
  amendment: Amendment | undefined
  claimsOf: (item: Item) => string[] = () => []
  /** What its paged action finds. */
  pages: readonly (readonly unknown[])[] = []
  /** Cursors that were asked for. */
  readonly pageCalls: (string | undefined)[] = []
  beforePage: (cursor: string | undefined) => void | Promise<void> = () => {}

  async page(_item: Item, cursor: string | undefined): Promise<Page> {
    this.pageCalls.push(cursor)
    await this.beforePage(cursor)
    const at = cursor === undefined ? 0 : Number(cursor)
    const isLast = at + 1 >= this.pages.length
    return { items: this.pages[at] ?? [], total: this.pages.flat().length, ...(!isLast && { next: String(at + 1) }) }
  }

  amend(): Amendment | undefined {
    return this.amendment
  }

  claims(item: Item): string[] {
    return this.claimsOf(item)
  }

  async plan(items: readonly Item[]): Promise<Plan[]> {
    this.planCalls.push(items.length)
    return items.map(item => ({
      item,
      operation: item.action === 'find' ? 'read' : this.claimsOf(item).length > 0 ? 'create' : 'update',
      ...(typeof item.args.id === 'string' && { target: { object: 'thing', id: item.args.id } }),
      ...(this.alsoOf(item) && { also: this.alsoOf(item) }),
      after: item.args,
      ...(item.action === 'find' && { result: { found: item.args.id } }),
    }))
  }

  async deliver(plans: readonly Plan[]): Promise<Delivery[]> {
    this.deliverCalls.push(plans.length)
    return Promise.all(plans.map(plan => this.#one(plan)))
  }

  async #one({ item, target }: Plan): Promise<Delivery> {
    try {
      await this.before(item)
      this.effects.push({ key: item.key, args: item.args, time: item.time })
      const version = new Date(VERSIONS_FROM + this.effects.length).toISOString()
      await this.after(item, version)
      const delivery: Delivery = {
        status: 'delivered',
        result: { ok: true },
        ...(target && { ref: { ...target, version } }),
      }
      return this.answerOf(item, delivery)
    } catch (error) {
      if (error instanceof SyncError) return { status: 'failed', error }
      throw error
    }
  }
}
