import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PostgresClient } from '../../src/clients/postgres/client.ts'
import type { PostgresConfig } from '../../src/clients/postgres/config.ts'
import { removalSql, setupSql } from '../../src/clients/postgres/setup-sql.ts'
import type { Connector } from '../../src/connectors/connector.ts'
import postgres from '../../src/connectors/postgres.ts'
import { type ChangeEvent, recordIdOf } from '../../src/event.ts'
import { PostgresPeer } from '../../src/sinks/postgres/peer.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import {
  env,
  freshDatabase,
  live,
  type PostgresService,
  startPostgres,
  type TestDatabase,
  testClient,
} from '../support/postgres.ts'
import { until } from '../support/until.ts'

const TABLES = {
  contacts: { table: 'public.contacts', id: 'id', updatedAt: 'updated_at', pollEvery: '0ms' },
  marked: { table: 'marked', id: 'id', updatedAt: 'updated_at', deletedAt: 'deleted_at', pollEvery: '0ms' },
}

let service: PostgresService
let database: TestDatabase
let client: PostgresClient
let connector: Connector
let cursor: unknown

// A server of its own: a transaction of another test, in whatever database, would make polls give rows a second time.
beforeAll(async () => {
  service = await startPostgres({ own: true })
  database = await freshDatabase(service)
})
afterAll(async () => {
  await database?.drop()
  await service?.stop()
})

beforeEach(async () => {
  await database.sql('drop table if exists contacts, marked, twenty_sync_changes')
  await database.sql(
    'create table contacts (id text primary key, name text, age int, doc json, updated_at timestamptz)',
  )
  await database.sql('create table marked (id int primary key, name text, updated_at timestamp, deleted_at timestamp)')
})
afterEach(async () => {
  await database.endSessions()
  await client?.close()
})

/** As it is after a start: nothing in memory, the cursor as it was stored. */
async function start(objects: readonly string[] = ['contacts'], more: Partial<PostgresConfig> = {}): Promise<void> {
  await client?.close()
  const config = { url: database.url, tables: TABLES, ...more }
  client = testClient(database, TABLES, more)
  const { clock } = env
  connector = postgres.create(config, {
    name: 'warehouse',
    env,
    state: memoryState({ clock }),
    coordinator: localCoordinator({ clock }),
    compile: () => {
      throw new Error('no expressions here')
    },
    client,
    objects,
  })
}

async function begin(...args: Parameters<typeof start>): Promise<void> {
  cursor = undefined
  await start(...args)
  await poll()
}

async function installTriggers(): Promise<void> {
  const [transaction, indexes] = setupSql('warehouse', { url: database.url, tables: TABLES }).split('commit;')
  await database.sql(`${transaction}commit;`)
  for (const line of indexes!.split('\n').filter(each => each.startsWith('create'))) await database.sql(line)
}

/** One walk. `breakAfter`: the process ends when that many pages are in the log, the cursor of the last one not stored. */
async function poll(breakAfter = Number.POSITIVE_INFINITY): Promise<ChangeEvent[]> {
  const events: ChangeEvent[] = []
  let pages = 0
  for await (const page of connector.poll!(cursor, live.signal)) {
    events.push(...page.events)
    if (++pages > breakAfter) return events
    cursor = JSON.parse(JSON.stringify(page.cursor))
  }
  return events
}

const shown = (events: readonly ChangeEvent[]) =>
  events.map(({ type, subject, changed }) => `${type} ${subject.split('/')[1]}${changed ? ` [${changed}]` : ''}`)
const stamped = (id: string, at = 'clock_timestamp()') =>
  database.sql(
    `insert into contacts (id, updated_at) values ($1, ${at}) on conflict (id) do update set updated_at = ${at}`,
    [id],
  )

describe('polling by time alone', () => {
  it('gives nothing at first, then what changed, each state once', async () => {
    await stamped('old')
    await begin()
    expect(await poll()).toEqual([])
    await stamped('a')
    await stamped('b')
    const events = await poll()
    expect(shown(events)).toEqual(['contacts.updated a', 'contacts.updated b'])
    expect(await poll()).toEqual([])
    await stamped('a')
    const [again] = await poll()
    expect(again!.id).not.toBe(events[0]!.id)
    expect(again).toMatchObject({ source: '/warehouse', key: 'a', data: { id: 'a', name: null } })
    expect(Date.parse(again!.time)).toBe(Date.parse(again!.extensions!.version!))
  })

  it('gives every row that exists as a snapshot when asked to, page by page', async () => {
    await database.sql(`insert into contacts (id, updated_at) select n, now() from generate_series(1, 2300) n`)
    await begin(['contacts'], { snapshot: true })
    cursor = undefined
    expect(await poll()).toHaveLength(0)
    await start(['contacts'], { snapshot: true })
    cursor = undefined
    expect(new Set((await poll()).map(recordIdOf)).size).toBe(2300)
  })

  it('P2: misses no row whose transaction commits after others with a later time', async () => {
    await begin()
    const slow = await database.session()
    await slow.query(`begin; insert into contacts (id, updated_at) values ('slow', clock_timestamp())`)
    await slow.query(`savepoint s; insert into contacts (id, updated_at) values ('nested', clock_timestamp())`)
    await stamped('fast')
    expect(shown(await poll())).toEqual(['contacts.updated fast'])
    await stamped('faster')
    expect(shown(await poll())).toEqual(['contacts.updated faster'])
    await slow.query('commit')
    expect(shown(await poll())).toEqual(['contacts.updated slow', 'contacts.updated nested'])
    await slow.end()
    expect(await poll()).toEqual([])
  })

  it('misses none either when it was started anew meanwhile; what comes twice has one id', async () => {
    await begin()
    const slow = await database.session()
    await slow.query(`begin; insert into contacts (id, updated_at) values ('slow', clock_timestamp())`)
    await stamped('fast')
    const [first] = await poll()
    await start()
    const [again] = await poll()
    expect(again).toEqual(first)
    await slow.query('commit')
    await start()
    expect(shown(await poll()).sort()).toEqual(['contacts.updated fast', 'contacts.updated slow'])
    await slow.end()
  })

  it('finds rows also when the table was frozen and rewritten meanwhile', async () => {
    await begin()
    await stamped('a')
    await database.sql('vacuum full freeze contacts')
    expect(shown(await poll())).toEqual(['contacts.updated a'])
  })

  it('goes on within a walk that was broken off', async () => {
    await begin()
    await database.sql(
      `insert into contacts (id, updated_at) select n, clock_timestamp() from generate_series(1, 2500) n`,
    )
    const before = await poll(1)
    expect(before).toHaveLength(2000)
    await start()
    const after = await poll()
    expect(after).toHaveLength(1500)
    const ids = new Set([...before, ...after].map(event => event.id))
    expect(ids.size).toBe(2500)
    expect(await poll()).toEqual([])
  })

  it('reads by time alone on another server, whose transactions have lower numbers', async () => {
    await begin()
    const { tables } = cursor as { tables: { contacts: { done: { at: string } } } }
    cursor = { tables: { contacts: { done: { ...tables.contacts.done, horizon: '99999999999' } } } }
    await stamped('a')
    expect(shown(await poll())).toEqual(['contacts.updated a'])
    expect(await poll()).toEqual([])
  })

  it('sees rows go into the trash and come back', async () => {
    await database.sql(`insert into marked values (1, 'x', now() at time zone 'UTC')`)
    await begin(['marked'])
    const now = `clock_timestamp() at time zone 'UTC'`
    await database.sql(`update marked set deleted_at = ${now}, updated_at = ${now}`)
    const [deleted] = await poll()
    expect(shown([deleted!])).toEqual(['marked.deleted 1'])
    const peer = new PostgresPeer(client, 'marked')
    expect(peer.changeOf(deleted!)).toMatchObject({ kind: 'deleted', record: { id: '1', deleted: true } })
  })
})

describe('with the triggers of `postgres sql`', () => {
  beforeEach(installTriggers)

  it('are installed twice without harm, and taken away again', async () => {
    await installTriggers()
    await database.sql(removalSql('warehouse', { url: database.url, tables: TABLES }))
    const left = await database.sql(`select 1 from pg_proc where proname like 'twenty_sync%'`)
    expect(left).toEqual([])
  })

  it('tells created from updated and removed, and which columns were touched', async () => {
    await begin()
    await database.sql(`insert into contacts (id, name, doc) values ('a', 'Ada', '{}'), ('b', 'Bob', null)`)
    expect(shown(await poll())).toEqual(['contacts.created a', 'contacts.created b'])
    await database.sql(`update contacts set name = 'Eve' where id = 'a'`)
    await database.sql(`update contacts set age = 3 where id = 'a'`)
    await database.sql(`delete from contacts where id = 'b'`)
    const events = await poll()
    expect(shown(events)).toEqual(['contacts.destroyed b', 'contacts.updated a [name,age]'])
    expect(events[1]!.extensions).toMatchObject({ by: 'postgres' })
    const peer = new PostgresPeer(client, 'contacts')
    expect(peer.changeOf(events[0]!)).toMatchObject({ kind: 'destroyed', record: { id: 'b', data: { id: 'b' } } })
    expect(peer.changeOf(events[1]!)).toMatchObject({ kind: 'present', changed: ['name', 'age'], by: 'postgres' })
  })

  it('tells a value that came back, which a comparison of states cannot', async () => {
    await database.sql(`insert into contacts (id, name, age) values ('a', 'Ada', 1)`)
    await begin()
    await database.sql(`update contacts set name = 'Eve'`)
    await database.sql(`update contacts set name = 'Ada'`)
    expect(shown(await poll())).toEqual(['contacts.updated a [name]'])
  })

  it('moves the time by what is written, strictly, and not for nothing', async () => {
    await database.sql(`insert into contacts (id, age) values ('a', 1)`)
    const version = async () => (await new PostgresPeer(client, 'contacts').get(['a'], live))[0]!.version
    await begin()
    const versions: string[] = []
    const session = await database.session()
    await session.query('begin')
    for (let age = 2; age < 12; age++) {
      await session.query('update contacts set age = $1', [age])
      versions.push((await session.query(`select to_char(updated_at, 'US') v from contacts`)).rows[0].v)
    }
    await session.query('commit')
    await session.end()
    expect(new Set(versions).size).toBe(10)
    expect(versions.every(each => each.endsWith('000'))).toBe(true)
    const last = await version()
    await poll()
    await database.sql(`update contacts set age = age, updated_at = now() - interval '1 year'`)
    expect(await version()).toBe(last)
    expect(await poll()).toEqual([])
  })

  it('counts as touched only what came after the last event, also while another transaction stays open', async () => {
    await database.sql(`insert into contacts (id) values ('a')`)
    await begin()
    const slow = await database.session()
    await slow.query(`begin; insert into contacts (id) values ('slow')`)
    await database.sql(`update contacts set name = 'x'`)
    expect(shown(await poll())).toEqual(['contacts.updated a [name]'])
    await database.sql(`update contacts set age = 1 where id = 'a'`)
    expect(shown(await poll())).toEqual(['contacts.updated a [age]'])
    await slow.query('commit')
    await slow.end()
    expect(shown(await poll())).toEqual(['contacts.created slow'])
  })

  it('ends with a row that was removed and made again, and says a delete once', async () => {
    await database.sql(`insert into contacts (id) values ('a')`)
    await begin()
    const slow = await database.session()
    await slow.query(`begin; insert into contacts (id) values ('slow')`)
    await database.sql(`delete from contacts where id = 'a'`)
    await database.sql(`insert into contacts (id) values ('a')`)
    const events = await poll()
    expect(shown(events)).toEqual(['contacts.destroyed a', 'contacts.created a'])
    // Within one millisecond both may have the same time; the order of the topic tells.
    expect(events[0]!.time <= events[1]!.time).toBe(true)
    expect(await poll()).toEqual([])
    await slow.query('rollback')
    await slow.end()
    await database.sql(`update contacts set id = 'z' where id = 'a'`)
    expect(shown(await poll())).toEqual(['contacts.destroyed a', 'contacts.created z'])
  })

  it('gives deletes page by page, and the rest after a break', async () => {
    await database.sql('insert into contacts (id) select n from generate_series(1, 2500) n')
    await begin()
    await database.sql('delete from contacts')
    expect(await poll(1)).toHaveLength(2000)
    await start()
    expect(await poll()).toHaveLength(1500)
    expect(await poll()).toEqual([])
  })

  it('works for a role that may only read and write the table', async () => {
    await database.sql(`drop owned by clerk`).catch(() => {})
    await database.sql(`drop role if exists clerk`)
    await database.sql(`create role clerk login password 'clerk'`)
    await database.sql('grant select, insert, update, delete on contacts to clerk')
    const url = new URL(database.url)
    url.username = 'clerk'
    url.password = 'clerk'
    const clerk = new pg.Client({ connectionString: url.href })
    await clerk.connect()
    await begin()
    await clerk.query(`insert into contacts (id) values ('a')`)
    expect(await poll()).toMatchObject([{ type: 'contacts.created', extensions: { by: 'clerk' } }])
    await clerk.end()
    // It may not read the table of changes: then there are times, and nothing else.
    client = testClient({ url: url.href }, TABLES)
    expect((await client.table('contacts', live)).logged).toBe(false)
    await database.sql('drop owned by clerk')
    await database.sql('drop role clerk')
  })

  it('marks and restores by name', async () => {
    await database.sql(`insert into marked (id) values (1)`)
    await begin(['marked'])
    await database.sql(`update marked set deleted_at = now()`)
    expect(shown(await poll())).toEqual(['marked.deleted 1 [deleted_at]'])
    await database.sql(`update marked set deleted_at = null`)
    const events = await poll()
    expect(shown(events)).toEqual(['marked.restored 1 [deleted_at]'])
    const change = new PostgresPeer(client, 'marked').changeOf(events[0]!)
    expect(change).toMatchObject({ kind: 'present', restored: true, record: { deleted: false } })
  })

  it('survives names that would end a string', async () => {
    const odd = { table: `public.o"d'd`, id: `i'd`, updatedAt: `$sync$ "at"` }
    await database.sql(
      `drop table if exists "o""d'd"; create table "o""d'd" ("i'd" text primary key, "$sync$ ""at""" timestamptz)`,
    )
    const tables = { odd }
    await database.sql(`${setupSql('warehouse', { url: database.url, tables }).split('commit;')[0]}commit;`)
    await database.sql(`insert into "o""d'd" values ('x')`)
    const other = testClient(database, tables)
    const [record] = await new PostgresPeer(other, 'odd').get(['x'], live)
    expect(record!.version > '2020').toBe(true)
    expect(await database.sql('select table_name, id, op from twenty_sync_changes')).toEqual([
      { table_name: `public.o"d'd`, id: 'x', op: 'insert' },
    ])
    await other.close()
    await database.sql(removalSql('warehouse', { url: database.url, tables }))
  })
})

describe('listening', () => {
  beforeEach(installTriggers)

  it('pokes for tables that are read, and again after its connection broke', async () => {
    await begin(['contacts'])
    let pokes = 0
    const stop = new AbortController()
    const ended = connector.listen!(() => void pokes++, stop.signal)
    await until(() => pokes === 1)
    await database.sql('insert into marked (id) values (1)')
    await database.sql(`insert into contacts (id) select n from generate_series(1, 50) n`)
    await until(() => pokes === 2)
    await database.sql(`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'`)
    await until(() => pokes === 3)
    await database.sql(`insert into contacts (id) values ('a')`)
    await until(() => pokes === 4)
    stop.abort()
    await ended
    expect(await poll()).toHaveLength(51)
  })

  it('makes a table due that would not be', async () => {
    const slow = { ...TABLES, contacts: { ...TABLES.contacts, pollEvery: '1h' } }
    await begin(['contacts'], { tables: slow })
    await database.sql(`insert into contacts (id) values ('a')`)
    expect(await poll()).toEqual([])
    const stop = new AbortController()
    let pokes = 0
    const ended = connector.listen!(() => void pokes++, stop.signal)
    await until(() => pokes === 1)
    expect(await poll()).toHaveLength(1)
    stop.abort()
    await ended
  })
})
