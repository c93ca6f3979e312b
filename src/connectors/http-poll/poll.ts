import type { HttpAnswer, HttpCall } from '../../clients/http.ts'
import { type ListedPage, NO_PAGES, type PagedList, readPageOf } from '../../clients/paged-list.ts'
import type { CallOptions, RestClient } from '../../clients/rest/client.ts'
import { instantOf } from '../../clients/rest/times.ts'
import { durationMs, type Expression } from '../../config/definition.ts'
import type { Environment } from '../../environment.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import { canonicalJson, shortHash } from '../../identity.ts'
import { dueBetween, type Schedule } from '../../schedule.ts'
import type { Page } from '../connector.ts'
import type { HttpPollConfig } from './config.ts'
import { cursorFrom, type OpenRun, type PollCursor, shown } from './cursor.ts'
import type { ItemReader, PollItem } from './items.ts'
import { earlierBy, isTime, later, type SinceValue, sinceValue } from './since.ts'

export interface HttpPollerParts {
  readonly name: string
  readonly config: HttpPollConfig
  readonly client: RestClient
  readonly env: Environment
  readonly items: ItemReader
  readonly schedule: Schedule
  /** Of `since`. */
  readonly since?: Expression
}

type OpenCursor = PollCursor & { readonly run: OpenRun }

/** Items that are appended and noted at once. */
const AT_ONCE = 500
/** A run whose page is refused begins anew no more often than this. */
const ANEW_EVERY_MS = 600_000
/** A run that begins so much later than it was due was missed. */
const LATE_MS = 90_000
/** A time further ahead of the API's own clock is a slip in the data: nothing would be read until then. */
const FUTURE_MS = 26 * 3_600_000

/** Runs over the pages of a list when the schedule says so; one that was cut off goes on at its page. */
export class HttpPoller {
  readonly #parts: HttpPollerParts
  /** What a page's place, and a mark for `since`, is of. */
  readonly #of: { readonly request: string; readonly since: string }

  constructor(parts: HttpPollerParts) {
    this.#parts = parts
    const { url, request, page, items, since } = parts.config
    const of = (...values: unknown[]) => shortHash(canonicalJson(values))
    this.#of = { request: of(url, request, page, items, since), since: of(since?.parameter, since?.value) }
  }

  nextAt(value: unknown): number {
    const cursor = cursorFrom(value)
    if (!cursor || cursor.run || cursor.schedule !== this.#parts.schedule.text) return 0
    return this.#parts.schedule.next(cursor.settledAt, cursor.dueAt)
  }

  async *poll(value: unknown, signal: AbortSignal, asked = false): AsyncGenerator<Page> {
    const { env, schedule } = this.#parts
    let cursor = this.#placed(cursorFrom(value))
    if (cursor !== value) yield { events: [], cursor }
    if (!cursor.run) {
      const dueAt = asked ? env.clock.now() : schedule.next(cursor.settledAt, cursor.dueAt)
      if (dueAt > env.clock.now()) return
      cursor = { ...cursor, run: this.#begun(dueAt) }
      // Before its first page: when it began is part of what a crash must not change.
      yield { events: [], cursor }
    }
    let stored: PollCursor = { ...cursor, run: this.#withSkips(cursor.run!) }
    try {
      for await (const page of this.#pages(stored as OpenCursor, signal)) {
        yield page
        stored = page.cursor as PollCursor
      }
    } catch (thrown) {
      const { code, message } = asSyncError(thrown)
      const { run } = stored
      if (run && !signal.aborted) yield { events: [], cursor: { ...stored, run: { ...run, error: { code, message } } } }
      throw thrown
    }
  }

  /** A schedule counts from when it was first seen, so that one which is new has missed nothing. */
  #placed(cursor: PollCursor | undefined): PollCursor {
    const { env, schedule } = this.#parts
    if (cursor?.schedule === schedule.text) return cursor
    return { ...cursor, schedule: schedule.text, settledAt: env.clock.now() }
  }

  #begun(dueAt: number): OpenRun {
    const { env, schedule, name } = this.#parts
    const startedAt = env.clock.now()
    const missed = dueBetween(schedule, dueAt, startedAt, dueAt)
    if (startedAt - dueAt > LATE_MS || missed > 0) {
      const others = missed > 0 ? `, and ${missed} more,` : ''
      env.logger.info(
        { connector: name, dueAt: iso(dueAt), missed },
        `${name}: the run that was due at ${iso(dueAt)}${others} did not take place; this one makes up for it`,
      )
    }
    const counts = { pages: 0, items: 0, events: 0, ...(missed > 0 && { missed }) }
    return { dueAt, startedAt, ...counts, of: this.#of.request }
  }

  async *#pages(begun: OpenCursor, signal: AbortSignal): AsyncGenerator<Page> {
    let cursor = begun
    for (;;) {
      const { page, run } = await this.#page(cursor, { signal, priority: 'live' })
      cursor = { ...cursor, run }
      // A page may be the whole list. Its place stays until its last part, and what was noted gives no event again.
      for (let from = 0; from + AT_ONCE < page.records.length; from += AT_ONCE) {
        const { counts, ...part } = await this.#part(page.records.slice(from, from + AT_ONCE), cursor.run)
        cursor = { ...cursor, run: { ...cursor.run, ...counts } }
        yield { ...part, cursor, seen: cursor.run.items }
      }
      const last = page.records.slice(Math.max(0, Math.ceil(page.records.length / AT_ONCE) - 1) * AT_ONCE)
      const { counts, ...part } = await this.#part(last, cursor.run)
      cursor = { ...cursor, run: this.#turned({ ...cursor.run, ...counts }, page) }
      const total = page.total === undefined ? {} : { total: page.total }
      yield {
        ...part,
        cursor: page.next === undefined ? this.#ended(cursor) : cursor,
        seen: cursor.run.items,
        ...total,
      }
      if (page.next === undefined) return
    }
  }

  async #part(records: readonly PollItem[], run: OpenRun) {
    const { events, notes, dropped } = await this.#parts.items.events(records, run.startedAt)
    if (dropped['too-large']) this.#tellTooLarge(dropped['too-large'])
    return { events, notes, dropped, counts: { events: run.events + events.length } }
  }

  /** The run behind a page that is done. */
  #turned(run: OpenRun, page: ListedPage<PollItem>): OpenRun {
    const { error: _, next: __, ...rest } = this.#withSkips(run)
    const since = this.#sinceAfter(run, page)
    return {
      ...rest,
      pages: run.pages + 1,
      items: run.items + page.records.length,
      ...(since !== undefined && { since }),
      ...(page.next !== undefined && { next: page.next }),
    }
  }

  async #page({ since, run }: OpenCursor, options: CallOptions) {
    const value = since?.of === this.#of.since ? since.value : this.#parts.config.since?.start
    const list = this.#list(value, options)
    const own = this.#ofNow(run)
    const place = own.next
    try {
      return { page: await readPageOf(list, place), run: own }
    } catch (thrown) {
      // A page that the API does not know any more: the run begins anew.
      if (place === undefined || !(thrown instanceof SyncError) || thrown.kind !== 'rejected') throw thrown
      const now = this.#parts.env.clock.now()
      // P8: a page that is refused every time is not asked for without end.
      if (run.restartedAt !== undefined && now - run.restartedAt < ANEW_EVERY_MS) throw thrown
      return { page: await readPageOf(list, undefined), run: { ...own, restartedAt: now } }
    }
  }

  /** Where the config was changed meanwhile, its place is one in another list: the run begins anew. */
  #ofNow(run: OpenRun): OpenRun {
    if (run.of === this.#of.request) return run
    const { next: _, since: __, ...rest } = run
    return { ...rest, of: this.#of.request }
  }

  #list(since: SinceValue | undefined, options: CallOptions): PagedList<PollItem> {
    const { config, client, items, name } = this.#parts
    const { url, request = {}, since: asked } = config
    const { method = 'GET', query, headers, body } = request
    const overlapMs = durationMs(asked?.overlap ?? '0s')
    const mark = asked && since !== undefined ? { [asked.parameter]: earlierBy(since, overlapMs, name) } : {}
    const shared = { method, ...(headers && { headers }), ...(body && { json: body }) }
    return {
      name,
      target: `${method} ${url.replace(/[?#].*$/s, '')}`,
      url,
      page: config.page ?? NO_PAGES,
      ...(config.items !== undefined && { items: config.items }),
      call: (own, address) =>
        address === undefined ? { ...shared, url, query: { ...query, ...mark, ...own } } : { ...shared, url: address },
      exchange: (call: HttpCall): Promise<HttpAnswer> => client.exchange(call, options),
      errorOf: client.errorOf,
      read: value => items.read(value),
    }
  }

  #sinceAfter(run: OpenRun, { records, body: response, servedAt }: ListedPage<PollItem>): SinceValue | undefined {
    const { since, name, env } = this.#parts
    const serverMs = servedAt ?? env.clock.now()
    if (!since) return run.since
    if (!since.names.includes('data')) return markOf(since, { response }) ?? run.since
    let latest = run.since
    for (const { data } of records) {
      const mark = markOf(since, { data, response })
      if (mark === undefined) continue
      if (isTime(mark) && instantOf(mark)! > serverMs + FUTURE_MS) {
        env.logger.warn(
          { connector: name },
          `${name}: an item says ${mark}, which is yet to come; \`since\` does not follow it`,
        )
        continue
      }
      latest = later(latest, mark)
    }
    return latest
  }

  /** Counts the runs that are left out because this one still goes on, and says so at the first. */
  #withSkips(run: OpenRun): OpenRun {
    const { env, schedule, name } = this.#parts
    const skipped = dueBetween(schedule, run.startedAt, env.clock.now(), run.dueAt)
    if (skipped <= (run.skipped ?? 0)) return run
    if (run.skipped === undefined) {
      const message = `${name}: the run that began at ${iso(run.startedAt)} still goes on, so the one that is due now is left out`
      env.logger.warn({ connector: name, startedAt: iso(run.startedAt) }, message)
    }
    return { ...run, skipped }
  }

  #ended(cursor: OpenCursor): PollCursor {
    const { run, ...rest } = cursor
    const endedAt = this.#parts.env.clock.now()
    // The mark never goes back, whatever a run has seen.
    const before = cursor.since?.of === this.#of.since ? cursor.since.value : undefined
    const isOrdered = this.#parts.since?.names.includes('data') ?? false
    const value = run.since === undefined ? before : isOrdered ? later(before, run.since) : run.since
    return {
      ...rest,
      settledAt: Math.max(endedAt, run.startedAt),
      dueAt: run.dueAt,
      ...(value !== undefined && { since: { value, of: this.#of.since } }),
      last: { ...shown(run), endedAt },
    }
  }

  #tellTooLarge(count: number): void {
    const { env, name } = this.#parts
    env.logger.error(
      { connector: name, count },
      `${name}: ${count} items are larger than a topic takes (1 MiB) and were left out`,
    )
  }
}

function markOf(expression: Expression, scope: Readonly<Record<string, unknown>>): SinceValue | undefined {
  try {
    return sinceValue(expression.evaluate(scope))
  } catch {
    return undefined
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
