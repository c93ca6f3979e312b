import { createRestClient } from '../clients/rest/client.ts'
import { type ConnectorContext, defineConnector, durationMs } from '../config/definition.ts'
import { RECEIVED } from '../event.ts'
import { cronSchedule, intervalSchedule } from '../schedule.ts'
import type { Connector } from './connector.ts'
import { HttpPollConfig, httpPollFaults } from './http-poll/config.ts'
import { cursorFrom, shown } from './http-poll/cursor.ts'
import { ItemReader } from './http-poll/items.ts'
import { HttpPoller } from './http-poll/poll.ts'
import { KnownRecords } from './known-records.ts'

/** The items of a list that any HTTP API gives, read on a schedule. */
export default defineConnector({
  type: 'http-poll',
  summary: 'Reads a list from an HTTP API on a schedule, page by page; each item that is new or changed is an event.',
  config: HttpPollConfig,
  examples: [
    {
      title: 'Usage from a warehouse, on weekday mornings, from where the last run ended',
      yaml: `type: http-poll
url: https://warehouse.example.com/v1/usage
schedule: "0 6 * * 1-5"
timeZone: Europe/Berlin
auth: { oauth2: { tokenUrl: "https://login.example.com/token", clientId: crm, clientSecret: "\${WAREHOUSE_SECRET}" } }
items: rows
page: { by: cursor, next: next_page, parameter: page, size: 500, sizeParameter: limit }
since: { parameter: updated_since, value: data.updated_at, start: "2026-01-01T00:00:00Z" }
object: usage
key: data.account_id
updated: data.updated_at
`,
    },
    {
      title: 'A whole list every quarter of an hour; what did not change gives no event',
      yaml: 'type: http-poll\nurl: https://shop.example.com/api/stock\nevery: 15m\nauth: { bearer: "${SHOP_TOKEN}" }\npage: { by: link }\nkey: data.sku\n',
    },
    {
      title: 'A report by POST, with a mark that the answer names',
      yaml:
        'type: http-poll\nurl: https://reports.example.com/query\nschedule: "30 2 * * *"\nrequest: { method: POST, body: { report: churn } }\n' +
        "items: result.rows\nsince: { parameter: after, value: response.result.position }\nidempotency: data.account + '/' + data.day\n",
    },
  ],
  objects: config => [config.object ?? RECEIVED],
  check: httpPollFaults,
  create: (config, context) => createHttpPoll(config, context),
})

function createHttpPoll(config: HttpPollConfig, context: ConnectorContext): Connector {
  const { name, env, state, coordinator } = context
  const object = config.object ?? RECEIVED
  const { url, auth, timeout, limits, key, updated, idempotency, repeat = false, since } = config
  const client = createRestClient(
    { url, resources: {}, ...(auth && { auth }), ...(timeout && { timeout }), ...(limits && { limits }) },
    { name, env, coordinator },
  )
  const records = new KnownRecords(name, state, env.clock)
  const items = new ItemReader({
    connector: name,
    object,
    records,
    repeat,
    ...(key !== undefined && { key: context.compile(key) }),
    ...(updated !== undefined && { updated: context.compile(updated) }),
    ...(idempotency !== undefined && { idempotency: context.compile(idempotency) }),
  })
  const schedule =
    config.schedule === undefined
      ? intervalSchedule(durationMs(config.every ?? '1h'))
      : cronSchedule(config.schedule, config.timeZone)
  const parts = { name, config, client, env, items, schedule }
  const poller = new HttpPoller({ ...parts, ...(since && { since: context.compile(since.value) }) })
  return {
    objects: [object],
    schedule: {
      nextAt: cursor => poller.nextAt(cursor),
      runs(value) {
        const { run, last } = cursorFrom(value) ?? {}
        return { ...(run && { current: shown(run) }), ...(last && { last }) }
      },
    },
    poll: (cursor, signal, asked) => poller.poll(cursor, signal, asked),
  }
}
