import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { type PostgresService, startPostgres } from '../../scripts/services/postgres.ts'
import { PostgresClient } from '../../src/clients/postgres/client.ts'
import type { PostgresConfig } from '../../src/clients/postgres/config.ts'
import { createEnvironment } from '../../src/environment/system.ts'

export interface TestDatabase {
  /** Of a database that nobody else uses. */
  readonly url: string
  /** Rows as the driver gives them. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>
  /** A connection of its own, for transactions that stay open. */
  session(): Promise<pg.Client>
  /** Those that a test which failed left open: their locks would hold up the next one. */
  endSessions(): Promise<void>
  drop(): Promise<void>
}

/** A fresh database on the Postgres that `npm test` found; without one, on a server that starts for it. */
export async function freshDatabase(given?: Pick<PostgresService, 'url'>): Promise<TestDatabase> {
  const service = given ?? (await startPostgres())
  const name = `sync_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const run = async (text: string) => {
    const client = await connected(service.url)
    await client.query(text).finally(() => client.end())
  }
  await run(`create database ${name}`)
  const url = new URL(service.url)
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  pool.on('error', () => {})
  const sessions: pg.Client[] = []
  return {
    url: url.href,
    sql: async (text, values) => (await pool.query(text, values ? [...values] : undefined)).rows,
    async session() {
      const session = await connected(url.href)
      sessions.push(session)
      return session
    },
    async endSessions() {
      await Promise.all(sessions.splice(0).map(session => session.end().catch(() => {})))
    },
    async drop() {
      await pool.end()
      await run(`drop database if exists ${name} with (force)`).catch(() => {})
      if (!given && 'stop' in service) await (service as PostgresService).stop()
    },
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

export const env = createEnvironment({ logger: pino({ level: 'silent' }) })
export const live = { signal: new AbortController().signal, priority: 'live' as const }

export function testClient(
  database: Pick<TestDatabase, 'url'>,
  tables: PostgresConfig['tables'],
  more: Partial<PostgresConfig> = {},
): PostgresClient {
  return new PostgresClient({ url: database.url, tables, ...more }, { name: 'warehouse', env })
}

export { type PostgresService, startPostgres }
