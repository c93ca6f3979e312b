import { createRestClient, type RestClient } from '../clients/rest/client.ts'
import { RestConfig } from '../clients/rest/config.ts'
import { readPage } from '../clients/rest/pages.ts'
import { defineSink } from '../config/definition.ts'
import { createPeer } from './rest/peer.ts'

/** Any REST API as a side of a two-way sync. Single calls of a flow are for `http`. */
export default defineSink({
  type: 'rest',
  summary: 'Any REST API, described by its calls, as a side of a two-way sync and a source of events.',
  config: RestConfig,
  examples: [
    {
      title: 'An ERP with cursors, webhooks and conditional writes',
      yaml: `type: rest
url: "\${ERP_URL}"
auth: { bearer: "\${ERP_TOKEN}" }
limits: { perMinute: 600, perSecond: 20 }
webhook: { verify: { scheme: standard, secret: "\${ERP_WEBHOOK_SECRET}" }, kind: event }
resources:
  contacts:
    updatedAt: updated_at
    granularity: 1s
    list:
      path: /contacts
      items: data
      page: { by: cursor, next: next_cursor, parameter: cursor, size: 200, sizeParameter: limit, total: total }
      changedSince: { parameter: updated_since }
    get: { path: "/contacts/{id}", item: data }
    getMany: { path: /contacts, parameter: ids, items: data }
    find: { parameters: { email: email } }
    create: { path: /contacts, item: data, idKey: id, taken: { statuses: [409] } }
    update: { path: "/contacts/{id}", item: data, ifMatch: { by: etag } }
    delete: { path: "/contacts/{id}" }
    webhook: { events: ["contact.*"], deleted: [contact.deleted], id: data.id, record: data, changed: changes }
`,
    },
    {
      title: 'The least: no times, no webhooks, everything read and compared at each poll',
      yaml: `type: rest
url: https://shop.example.com/api
auth: { username: sync, password: "\${SHOP_PASSWORD}" }
pollEvery: 5m
resources:
  customers:
    list: { path: /customers, page: { by: number, sizeParameter: per_page } }
    get: { path: "/customers/{id}" }
    create: { path: /customers }
    update: { path: "/customers/{id}", method: PUT }
`,
    },
  ],
  actions: {},
  client: createRestClient,
  create(config, { client: made }) {
    const client = made as RestClient
    return {
      plan: async () => [],
      deliver: async () => [],
      async status() {
        const { available, waiting, blockedMs } = await client.limiterStatus()
        return { limiter: { available, waiting, blockedMs }, breaker: client.breakerState }
      },
      async check(signal) {
        const options = { signal, priority: 'live' as const }
        if (config.check !== undefined) return void (await client.send({ method: 'GET', url: config.check }, options))
        const [first] = Object.values(config.resources)
        if (first) await readPage(client, first, first.list, undefined, options)
      },
    }
  },
  peer: (_config, { client, object }) => createPeer(client as RestClient, object),
})
