import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import { all, type Condition, NOTHING, notPossible } from '../../clients/twenty/condition.ts'
import { encodeFilter } from '../../clients/twenty/filter.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import { MOST_ROWS } from '../../clients/twenty/records.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import type { View } from '../../clients/twenty/views.ts'
import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { Item, Page } from '../sink.ts'
import { byFilter, literalFilter } from './literal-filter.ts'
import { MOST_FILTER_CHARACTERS } from './lookup.ts'
import { resultOf } from './plan-wish.ts'
import { viewFilter } from './view-filter.ts'

/** Records that a step keeps as one list; more are for `each`, page by page. */
const MOST_LISTED = 200

/** Where a page ends, and what the first one asked: what is changed in the view during the run does not change the run. */
interface Cursor {
  readonly after: string
  readonly now: number
  readonly view?: View
  /** Of `limit`. */
  readonly left?: number
}

/** True for a find that gives a list: by a view, a filter or values. */
export function selects({ action, args }: Pick<Item, 'action' | 'args'>): boolean {
  return action === 'find' && (args.view !== undefined || args.filter !== undefined || args.by !== undefined)
}

/** Reads all records that a view, a filter and values select together. */
export class Selection {
  readonly #client: TwentyClient
  readonly #clock: Clock

  constructor(client: TwentyClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** By id, at most `limit`; without that all. @throws SyncError rejected `TOO_MANY_FOUND` where a list cannot hold them. */
  async list(item: Item, options: CallOptions): Promise<Fields[]> {
    const found: Fields[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await this.page(item, cursor, options)
      found.push(...(page.items as Fields[]))
      if (found.length > MOST_LISTED) throw tooMany(item)
      if (page.next === undefined) return found
      cursor = page.next
    }
  }

  /** Twenty pages by id: what comes and goes in between neither hides a record nor shows one twice. */
  async page(item: Item, text: string | undefined, options: CallOptions): Promise<Page> {
    const { args } = item
    const cursor = text === undefined ? undefined : (JSON.parse(text) as Cursor)
    const object = await this.#object(args, options)
    const now = cursor?.now ?? this.#clock.now()
    const view = cursor ? cursor.view : await this.#view(args, object, options)
    const left = cursor ? cursor.left : (args.limit as number | undefined)
    const condition = conditionOf(args, object, view, now)
    if (condition?.text === NOTHING.text) return { items: [], total: 0 }
    const { rows, next, total } = await this.#client.find(
      object,
      { filter: condition?.text, after: cursor?.after, limit: Math.min(left ?? MOST_ROWS, MOST_ROWS) },
      options,
    )
    const kept = condition?.check ? rows.filter(condition.check) : rows
    const rest = left === undefined ? undefined : left - kept.length
    const more = next !== undefined && next !== cursor?.after && (rest === undefined || rest > 0)
    return {
      items: kept.map(row => resultOf(object.name, row, false)),
      ...(more && { next: JSON.stringify({ after: next, now, view, left: rest } satisfies Cursor) }),
      ...(total !== undefined && !condition?.check && { total: Math.min(total, left ?? total) }),
    }
  }

  /** With its id, by which its views are found. */
  async #object(args: Fields, options: CallOptions): Promise<TwentyObject> {
    const name = String(args.object)
    const object = (await this.#client.schemas.get(options)).object(name)
    if (args.view === undefined || object.id !== undefined) return object
    return (await this.#client.schemas.refresh(options)).object(name)
  }

  async #view(args: Fields, object: TwentyObject, options: CallOptions): Promise<View | undefined> {
    if (args.view === undefined) return undefined
    if (typeof args.view === 'string' && args.view !== '') return this.#client.view(object, args.view, options)
    const message = `view is ${JSON.stringify(args.view)}, not the name of a view`
    throw new SyncError('rejected', 'VIEW_NOT_FOUND', message)
  }
}

/** undefined: every record. @throws SyncError rejected */
function conditionOf(args: Fields, object: TwentyObject, view: View | undefined, now: number): Condition | undefined {
  const parts = [
    view && viewFilter(object, view, now),
    isFields(args.filter) ? literalFilter(object, args.filter) : undefined,
    isFields(args.by) ? byFilter(object, args.by) : undefined,
  ].filter(part => part !== undefined)
  if (parts.some(part => part.text === NOTHING.text)) return NOTHING
  if (parts.length === 0) return undefined
  const condition = all(parts)
  if (encodeFilter(condition.text).length <= MOST_FILTER_CHARACTERS) return condition
  throw notPossible(condition.text, `more than ${MOST_FILTER_CHARACTERS} characters`)
}

function tooMany({ args }: Item): SyncError {
  const message = `more than ${MOST_LISTED} records of ${String(args.object)} are found; go over them with \`each: { over: { find: … } }\`, or set limit`
  return new SyncError('rejected', 'TOO_MANY_FOUND', message)
}
