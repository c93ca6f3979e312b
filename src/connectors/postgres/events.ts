import type { Table } from '../../clients/postgres/column.ts'
import type { Row } from '../../clients/postgres/row.ts'
import { type ChangeEvent, typeOf } from '../../event.ts'
import { canonicalJson, derivedId, shortHash } from '../../identity.ts'
import type { Logged } from './queries.ts'

interface Parts {
  readonly system: string
  readonly object: string
}

/**
 * The event of a row as a poll shows it. What changed is told only where the trigger logged every change up to that very
 * version; `since` is the version that the last event of the row had.
 */
export function rowEvent(
  { system, object }: Parts,
  table: Table,
  row: Row,
  { log, since }: { readonly log: readonly Logged[]; readonly since?: string },
): ChangeEvent {
  const { version, deleted, data } = row
  const last = log.at(-1)
  const isTold = last?.at === version && last.op !== 'delete'
  const news = isTold ? log.filter(({ at }) => since === undefined || at > since) : []
  const isNew = news.some(({ op }) => op === 'insert')
  const changed = [...new Set(news.flatMap(entry => entry.changed))]
  const isBack = table.deletedAt !== undefined && changed.includes(table.deletedAt.name)
  const action = deleted ? 'deleted' : isNew ? 'created' : isBack ? 'restored' : 'updated'
  return {
    ...common(system, object, row.id, action, version),
    // A row that is removed and made again keeps its id here, so the time always counts.
    id: derivedId(
      'postgres',
      system,
      object,
      row.id,
      deleted ? 'deleted' : 'present',
      version,
      shortHash(canonicalJson(data)),
    ),
    ...(isTold && !isNew && { changed }),
    extensions: { via: 'poll', version, ...(isTold && last?.by && { by: last.by }) },
    data,
  }
}

/** The event of a row that is gone, of which nothing but its id is kept. */
export function destroyedEvent({ system, object }: Parts, table: Table, { id, at, by }: Logged): ChangeEvent {
  return {
    ...common(system, object, id, 'destroyed', at),
    id: derivedId('postgres', system, object, id, 'destroyed', at),
    extensions: { via: 'poll', version: at, ...(by && { by }) },
    data: { [table.id.name]: id },
  }
}

function common(system: string, object: string, id: string, action: string, version: string) {
  return {
    type: typeOf(system, object, action),
    source: `/${system}`,
    subject: `${object}/${id}`,
    time: new Date(Date.parse(version)).toISOString(),
    key: id,
  }
}
