import type { RestClient } from '../clients/rest/client.ts'
import { RestConfig } from '../clients/rest/config.ts'
import { bytesOf, type ConnectorContext, defineConnector, durationMs } from '../config/definition.ts'
import type { Connector } from './connector.ts'
import { KnownRecords } from './known-records.ts'
import { RestPoller } from './rest/poll.ts'
import { Receiver } from './rest/receive.ts'

/** Changes of the records of any REST API. */
export default defineConnector({
  type: 'rest',
  summary: 'Changes of the records of a REST API: by its webhooks, and by polls that compare what they read.',
  system: 'rest',
  config: RestConfig,
  examples: [
    {
      title: 'Polls what changed, and compares everything once a night',
      yaml: `type: rest
url: "\${ERP_URL}"
auth: { bearer: "\${ERP_TOKEN}" }
pollEvery: 30s
resources:
  contacts:
    updatedAt: updated_at
    list:
      path: /contacts
      items: data
      page: { by: cursor, next: next_cursor, parameter: cursor, size: 200, sizeParameter: limit }
      changedSince: { parameter: updated_since }
    get: { path: "/contacts/{id}", item: data }
`,
    },
    {
      title: 'Webhooks that only say which record changed',
      yaml: `type: rest
url: "\${SHOP_URL}"
auth: { headers: { x-api-key: "\${SHOP_KEY}" } }
webhook: { verify: { header: x-hook-key, equals: "\${SHOP_HOOK_KEY}" }, kind: topic }
resources:
  orders:
    updatedAt: modified
    list: { path: /orders, items: orders, page: { by: link } }
    get: { path: "/orders/{id}", item: order }
    webhook: { events: ["order.*"], deleted: [order.deleted], id: order_id }
`,
    },
  ],
  objects: ({ resources }) => Object.keys(resources),
  create: (config, context) => createConnector(config, context),
})

function createConnector(config: RestConfig, context: ConnectorContext): Connector {
  const { name, env, state, objects } = context
  const client = context.client as RestClient
  const records = new KnownRecords(name, state, env.clock)
  const poller = new RestPoller({ client, records, env, objects })
  const path = config.webhook?.path ?? `/hooks/${name}`
  const receiver = config.webhook && new Receiver(context, records, path)
  return {
    objects,
    pollEveryMs: durationMs(config.pollEvery ?? '1m'),
    poll: (cursor, signal) => poller.poll(cursor, signal),
    ...(receiver && {
      route: { path, methods: ['POST'], bodyLimitBytes: bytesOf(config.webhook?.bodyLimit ?? '1MiB') },
      receive: request => receiver.receive(request),
    }),
    close: () => records.flush(),
  }
}
