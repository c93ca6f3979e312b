import { afterAll, beforeAll, describe } from 'vitest'
import { runCli } from '../../scripts/stack/daemon-process.ts'
import { type EngineName, type Stack, startStack } from '../../scripts/stack/stack.ts'
import { freshDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Contact, type OtherSide, syncScenario } from './sync-scenario.ts'

const TABLE = `create table public.contacts (
  id uuid primary key default gen_random_uuid(),
  first_name text, last_name text, email text unique, title text,
  updated_at timestamptz not null default clock_timestamp()
)`

/** Twenty and a table, with the SQL that the product prints for it. */
export function describePostgresSync(engine: EngineName): void {
  describe(`Twenty and a Postgres table in step, on ${engine}`, () => {
    let database: TestDatabase
    let stack: Stack
    beforeAll(async () => {
      database = await freshDatabase()
      await database.sql(TABLE)
      const config = 'test/e2e/config/sync-postgres.yaml'
      for (const part of await printedSql(config, database.url)) await database.sql(part)
      await sideOf(database).create({ first: 'Ada', last: 'Byron', email: 'ada@example.com', title: 'Analyst' })
      stack = await startStack({ engine, configs: [config], env: { DATABASE_URL: database.url } })
      stack.twenty.faults.rateLimit.enabled = false
    }, 120_000)
    afterAll(async () => {
      await stack?.stop()
      await database?.drop()
    })

    syncScenario(() => ({ stack, other: sideOf(database) }))
  })
}

/** As its owner would run it: the transaction as a whole, then what cannot be in one. */
async function printedSql(config: string, url: string): Promise<string[]> {
  const env = { TWENTY_URL: 'http://127.0.0.1:1', TWENTY_API_KEY: 'k', TWENTY_WEBHOOK_SECRET: 's', DATABASE_URL: url }
  const { stdout } = await runCli(['postgres', 'sql', 'warehouse', '--config', config], env)
  const end = stdout.indexOf('commit;') + 'commit;'.length
  const rest = stdout
    .slice(end)
    .split(';')
    .map(part => part.trim())
  return [stdout.slice(0, end), ...rest.filter(part => /^[^-]*create index/im.test(part))]
}

function sideOf(database: TestDatabase): OtherSide {
  return {
    contacts: async () => (await database.sql('select * from contacts')).map(contactOf),
    create: async ({ first, last, email, title }) => {
      const values = [first, last, email, title]
      await database.sql('insert into contacts (first_name, last_name, email, title) values ($1, $2, $3, $4)', values)
    },
    update: async (id, change) => {
      const now = contactOf((await database.sql('select * from contacts where id = $1', [id]))[0]!)
      const { first, last, email, title } = { ...now, ...change }
      const text = 'update contacts set first_name = $2, last_name = $3, email = $4, title = $5 where id = $1'
      await database.sql(text, [id, first, last, email, title])
    },
    remove: async id => {
      await database.sql('delete from contacts where id = $1', [id])
    },
  }
}

function contactOf(row: Record<string, unknown>): Contact {
  const text = (value: unknown) => String(value ?? '')
  return {
    id: text(row.id),
    first: text(row.first_name),
    last: text(row.last_name),
    email: text(row.email),
    title: text(row.title),
  }
}
