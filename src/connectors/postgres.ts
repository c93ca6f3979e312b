import type { PostgresClient } from '../clients/postgres/client.ts'
import { CHANNEL, PostgresConfig } from '../clients/postgres/config.ts'
import { type ConnectorContext, defineConnector, durationMs } from '../config/definition.ts'
import { asSyncError } from '../errors.ts'
import type { Connector, Page } from './connector.ts'
import { pollTable } from './postgres/poll.ts'
import { trimChanges } from './postgres/queries.ts'
import { RecentVersions } from './postgres/recent-versions.ts'

export default defineConnector({
  type: 'postgres',
  summary:
    'Changes of the tables of a Postgres database: by polls, which notifications of a trigger make come at once.',
  system: 'postgres',
  config: PostgresConfig,
  examples: [
    {
      title: 'One table, polled at least every minute',
      yaml: 'type: postgres\nurl: "${DATABASE_URL}"\ntables:\n  contacts: { table: public.contacts, id: id, updatedAt: updated_at }\n',
    },
  ],
  objects: ({ tables }) => Object.keys(tables),
  create: (config, context) => new PostgresConnector(config, context),
})

const TRIM_EVERY_MS = 3_600_000
/** As long as topics are kept by default: whoever was away longer has missed more than deletes. */
const KEEP_CHANGES_MS = 30 * 24 * 3_600_000

class PostgresConnector implements Connector {
  readonly objects: readonly string[]
  readonly pollEveryMs: number
  readonly #client: PostgresClient
  readonly #context: ConnectorContext
  readonly #everyMs: ReadonlyMap<string, number>
  readonly #recent = new RecentVersions()
  /** When each table is to be polled next, by our clock that never goes back. */
  readonly #dueAt = new Map<string, number>()
  #trimAt = 0

  constructor(config: PostgresConfig, context: ConnectorContext) {
    this.#context = context
    this.#client = context.client as PostgresClient
    this.objects = context.objects
    this.#everyMs = new Map(
      context.objects.map(object => [object, durationMs(config.tables[object]?.pollEvery ?? '1m')]),
    )
    this.pollEveryMs = Math.min(...this.#everyMs.values(), 60_000)
  }

  async *poll(cursor: unknown, signal: AbortSignal): AsyncGenerator<Page> {
    const { clock } = this.#context.env
    const options = { client: this.#client, env: this.#context.env, recent: this.#recent }
    let last = cursor
    for (const object of this.objects) {
      if (clock.elapsed() < (this.#dueAt.get(object) ?? 0)) continue
      // Before it is read: what is said while it is read makes it due again.
      this.#dueAt.set(object, clock.elapsed() + this.#everyMs.get(object)!)
      try {
        for await (const page of pollTable(options, object, last, signal)) {
          last = page.cursor
          yield page
        }
      } catch (thrown) {
        this.#dueAt.delete(object)
        throw thrown
      }
    }
    await this.#trim(signal)
  }

  async listen(poke: () => void, signal: AbortSignal): Promise<void> {
    await this.#client.listen(
      CHANNEL,
      payload => {
        const meant = this.objects.filter(object => isMeant(payload, this.#client.knownTable(object)?.name))
        for (const object of meant) this.#dueAt.delete(object)
        if (meant.length > 0) poke()
      },
      signal,
    )
  }

  /** Never fails a poll: a table that only grows is a nuisance, and the role may lack the right. */
  async #trim(signal: AbortSignal): Promise<void> {
    const { env, name } = this.#context
    if (env.clock.elapsed() < this.#trimAt) return
    this.#trimAt = env.clock.elapsed() + TRIM_EVERY_MS
    if (!this.objects.some(object => this.#client.knownTable(object)?.logged)) return
    const serverNow = env.clock.now() + this.#client.clockOffsetMs()
    const olderThan = new Date(serverNow - KEEP_CHANGES_MS).toISOString()
    try {
      await trimChanges(this.#client, olderThan, { signal, priority: 'replay', writes: true })
    } catch (thrown) {
      const { code, message } = asSyncError(thrown)
      env.logger.info({ connector: name, code }, `${name}: old rows of the table of changes stay: ${message}`)
    }
  }
}

/** What cannot be read, or of whom it is cannot be told, concerns every table. */
function isMeant(payload: string | undefined, table: string | undefined): boolean {
  if (payload === undefined || table === undefined) return true
  try {
    const said: unknown = JSON.parse(payload)
    return typeof said !== 'object' || said === null || !('table' in said) || said.table === table
  } catch {
    return true
  }
}
