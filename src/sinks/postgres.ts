import { PostgresClient } from '../clients/postgres/client.ts'
import { PostgresConfig } from '../clients/postgres/config.ts'
import { defineSink } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import { PostgresPeer } from './postgres/peer.ts'

const OLDEST = 130_000

export default defineSink({
  type: 'postgres',
  summary: 'Tables of a Postgres database, as sides of two-way syncs. No steps of flows.',
  config: PostgresConfig,
  examples: [
    {
      title: 'One table',
      yaml: 'type: postgres\nurl: "${DATABASE_URL}"\ntables:\n  contacts: { table: public.contacts, id: id, updatedAt: updated_at }\n',
    },
    {
      title: 'Rows that are marked, not removed, and a certificate of its own',
      yaml: 'type: postgres\nurl: "${DATABASE_URL}"\nca: "${file:./ca.pem}"\ntables:\n  contacts: { table: crm.contacts, id: id, updatedAt: updated_at, deletedAt: deleted_at, columns: [email, full_name] }\n',
    },
  ],
  actions: {},
  client: (config, context) => new PostgresClient(config, context),
  create(config, { client, name, env }) {
    const postgres = client as PostgresClient
    return {
      plan: async items => items.map(item => ({ item, operation: 'none' })),
      deliver: async plans => plans.map(() => ({ status: 'skipped', reason: 'no-action' })),
      async status() {
        return { limiter: { available: postgres.idle, waiting: 0, blockedMs: 0 }, breaker: postgres.breakerState }
      },
      async check(signal) {
        const { rows } = await postgres.query('show server_version_num', [], { signal })
        if (Number(rows[0]?.[0]) < OLDEST) {
          throw new SyncError('fatal', 'POSTGRES_SCHEMA', `${name}: the server is older than Postgres 13; update it`)
        }
        const silent: string[] = []
        for (const object of Object.keys(config.tables)) {
          const table = await postgres.table(object, { signal }, true)
          if (!table.logged) silent.push(object)
        }
        if (silent.length === 0) return
        const advice = `their deletes are found by reconciliation alone. \`twenty-sync postgres sql ${name}\` prints what changes that`
        env.logger.info(
          { system: name, tables: silent },
          `${name}: no trigger logs changes of ${silent.join(', ')}: ${advice}`,
        )
      },
      close: () => postgres.close(),
    }
  },
  peer: (_, { client, object }) => new PostgresPeer(client as PostgresClient, object),
})
