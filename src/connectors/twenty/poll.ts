import type { TwentyClient } from '../../clients/twenty/client.ts'
import { EVERYTHING, touchedSince } from '../../clients/twenty/filter.ts'
import type { RowPage } from '../../clients/twenty/records.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import type { Environment } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { Page } from '../connector.ts'
import type { KnownRecords } from '../known-records.ts'
import { compareRows } from './compare.ts'
import { cursorFrom, type ObjectCursor, type PollCursor, withObject } from './cursor.ts'

export interface PollOptions {
  readonly system: string
  readonly client: TwentyClient
  readonly records: KnownRecords
  readonly env: Environment
  /** Objects that flows read. */
  readonly objects: readonly string[]
  readonly overlapMs: number
  readonly snapshot: boolean
}

/**
 * One walk over every object's records that were touched since the last one. The first walk of an object learns what
 * exists and gives only what changed while it ran, or everything as created when `snapshot`.
 */
export async function* pollChanges(options: PollOptions, value: unknown, signal: AbortSignal): AsyncGenerator<Page> {
  const { client, env, objects, records } = options
  await records.flush()
  const schema = await client.schemas.get({ signal })
  let cursor = cursorFrom(value)
  for (const name of objects) {
    const object = schema.objects.get(name)
    if (!object) {
      env.logger.warn({ connector: options.system, object: name }, `Twenty has no object "${name}": it is not polled`)
      continue
    }
    for await (const page of walkObject(options, object, cursor, signal)) {
      cursor = cursorFrom(page.cursor)
      yield page
    }
  }
}

async function* walkObject(
  options: PollOptions,
  object: TwentyObject,
  cursor: PollCursor,
  signal: AbortSignal,
): AsyncGenerator<Page> {
  const { env, overlapMs, records, snapshot, system } = options
  const own = cursor.objects[object.name] ?? {}
  let walk: { start: string; after?: string } | undefined = own.walk
  let seen = 0
  do {
    const page: RowPage = await readPage(options, object, own, walk?.after, signal)
    // Their clock, before anything of this walk could be missed.
    const start: string = walk?.start ?? new Date(page.servedAt ?? env.clock.now()).toISOString()
    const startMs = Date.parse(start)
    const { events, writes, positionOnly } = await compareRows(page.rows, object, records, {
      system,
      knownFromMs: Date.parse(own.knownFrom ?? start),
      ...(own.since === undefined && { first: { startMs, snapshot } }),
    })
    seen += page.rows.length
    walk = page.next === undefined || page.next === walk?.after ? undefined : { start, after: page.next }
    const next: ObjectCursor = walk
      ? { ...own, walk: { start, after: page.next! } }
      : // Only a complete walk moves the time from which the next one looks.
        { since: new Date(startMs - overlapMs).toISOString(), knownFrom: own.knownFrom ?? start }
    yield {
      events,
      cursor: withObject(cursor, object.name, next),
      notes: writes,
      seen,
      ...(page.total && { total: page.total }),
      ...(positionOnly > 0 && { dropped: { 'position-only': positionOnly } }),
    }
  } while (walk)
}

async function readPage(
  { client }: PollOptions,
  object: TwentyObject,
  { since }: ObjectCursor,
  after: string | undefined,
  signal: AbortSignal,
): Promise<RowPage> {
  const filter = since === undefined ? EVERYTHING : touchedSince(since)
  const call = { signal, priority: since === undefined ? ('replay' as const) : ('live' as const) }
  try {
    return await client.find(object, { filter, after }, call)
  } catch (thrown) {
    // A page cursor that the server no longer takes: the walk begins anew.
    if (after === undefined || !(thrown instanceof SyncError) || thrown.code !== 'TWENTY_REFUSED') throw thrown
    return client.find(object, { filter }, call)
  }
}
