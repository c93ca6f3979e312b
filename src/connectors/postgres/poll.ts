import type { PostgresClient } from '../../clients/postgres/client.ts'
import type { Table } from '../../clients/postgres/column.ts'
import type { Row } from '../../clients/postgres/row.ts'
import { durationMs } from '../../config/definition.ts'
import type { Environment } from '../../environment.ts'
import type { ChangeEvent } from '../../event.ts'
import type { Page } from '../connector.ts'
import { cursorFrom, type Mark, type PostgresCursor, type TableCursor, withTable } from './cursor.ts'
import { destroyedEvent, rowEvent } from './events.ts'
import {
  changedRows,
  isComparable,
  type Logged,
  loggedChanges,
  loggedDeletes,
  markNow,
  PAGE,
  type RowQuery,
} from './queries.ts'
import type { RecentVersions } from './recent-versions.ts'

export interface PollOptions {
  readonly client: PostgresClient
  readonly env: Environment
  readonly recent: RecentVersions
}

type Walk = NonNullable<TableCursor['walk']>

/**
 * One walk over what changed in a table since the last one: first the rows that are gone, then the ones that are there,
 * so that a row which was removed and made again ends as what it is. A walk that was broken off goes on.
 */
export async function* pollTable(
  { client, env, recent }: PollOptions,
  object: string,
  value: unknown,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const cursor = cursorFrom(value)
  const { done, walk: begun } = cursor.tables[object] ?? {}
  const call = { signal, priority: done ? ('live' as const) : ('replay' as const) }
  const table = await client.table(object, call)
  const walk: Walk = begun ?? (await markNow(client, call))
  const finish = { events: [], cursor: withTable(cursor, object, { done: { horizon: walk.horizon, at: walk.at } }) }
  // The first look only notes where it begins.
  if (!done && !client.config.snapshot) return yield finish
  const walker = new TableWalk({ client, table, object, recent, call, cursor, done })
  if (done && !isComparable(done, walk)) {
    env.logger.warn(
      { system: client.name, object },
      `${client.name}: this is another server than before, or one long ago: ${object} is read by time alone`,
    )
  } else if (done && table.logged) yield* walker.deletes(walk, done)
  yield* walker.rows(walk)
  yield finish
}

interface WalkOptions {
  readonly client: PostgresClient
  readonly table: Table
  readonly object: string
  readonly recent: RecentVersions
  readonly call: { readonly signal: AbortSignal; readonly priority: 'live' | 'replay' }
  readonly cursor: PostgresCursor
  readonly done: Mark | undefined
}

class TableWalk {
  readonly #options: WalkOptions
  readonly #parts: { system: string; object: string }

  constructor(options: WalkOptions) {
    this.#options = options
    this.#parts = { system: options.client.name, object: options.object }
  }

  async *deletes(walk: Walk, { horizon }: Mark): AsyncGenerator<Page> {
    const { call, client, object, recent, table } = this.#options
    let after = walk.deletes ?? '0'
    for (let isLast = walk.after !== undefined; !isLast; ) {
      const gone = await loggedDeletes(client, table, { horizon, after }, call)
      isLast = gone.length < PAGE
      if (gone.length === 0) return
      after = gone.at(-1)!.position
      const news = gone.filter(({ id, at }) => recent.isNews(object, id, at, true))
      const events = news.map(entry => destroyedEvent(this.#parts, table, entry))
      yield this.#page(events, { ...walk, deletes: after })
      for (const { id, at } of news) recent.note(object, id, at, true)
    }
  }

  async *rows(walk: Walk): AsyncGenerator<Page> {
    const { call, client, object, recent, table } = this.#options
    let { after } = walk
    for (let isLast = false; !isLast; ) {
      const rows = await changedRows(client, table, this.#query(walk, after), call)
      isLast = rows.length < PAGE
      if (rows.length === 0) return
      const last = rows.at(-1)!
      after = { version: last.version, id: last.id }
      const news = rows.filter(row => recent.isNews(object, row.id, row.version, false))
      yield this.#page(await this.#events(news), { ...walk, after }, rows.length)
      for (const row of news) recent.note(object, row.id, row.version, false)
    }
  }

  #query(walk: Walk, after: Walk['after']): RowQuery {
    const { client, done } = this.#options
    if (!done) return { ...(after && { after }) }
    const lookBackMs = durationMs(client.config.longestTransaction ?? '10m')
    const since = new Date(Date.parse(done.at) - lookBackMs).toISOString()
    return { since, ...(isComparable(done, walk) && { horizon: done.horizon }), ...(after && { after }) }
  }

  async #events(rows: readonly Row[]): Promise<ChangeEvent[]> {
    const { object, recent, table } = this.#options
    const logs = await this.#logs(rows)
    return rows.map(row => {
      const since = recent.versionOf(object, row.id)
      return rowEvent(this.#parts, table, row, { log: logs.get(row.id) ?? [], ...(since !== undefined && { since }) })
    })
  }

  async #logs(rows: readonly Row[]): Promise<Map<string, Logged[]>> {
    const { call, client, done, table } = this.#options
    const logs = new Map<string, Logged[]>()
    if (!done || !table.logged || rows.length === 0) return logs
    const ids = rows.map(({ id }) => id)
    for (const entry of await loggedChanges(client, table, { horizon: done.horizon, ids }, call)) {
      logs.set(entry.id, [...(logs.get(entry.id) ?? []), entry])
    }
    return logs
  }

  #page(events: readonly ChangeEvent[], walk: Walk, seen?: number): Page {
    const { cursor, done, object } = this.#options
    const next = withTable(cursor, object, { ...(done && { done }), walk })
    return { events, cursor: next, ...(seen !== undefined && { seen }) }
  }
}
