import { defineSink } from '../config/definition.ts'
import type { Fields } from '../event.ts'
import { HttpListConfig, RequestConfig } from './http/action-config.ts'
import { HttpSystemConfig } from './http/config.ts'
import { requestFaults } from './http/faults.ts'
import { methodOf, readsOnly } from './http/request.ts'
import { HttpSink } from './http/sink.ts'
import type { Effect } from './sink.ts'

/** Any API over HTTP. Redirects are not followed: they could carry the credentials to another host. */
export default defineSink({
  type: 'http',
  summary: 'Calls any HTTP API: scoring, enrichment, chat, an inner service.',
  config: HttpSystemConfig,
  examples: [
    {
      title: 'An API with a token and a limit',
      yaml: 'type: http\nurl: https://api.example.com/v2\nauth: { bearer: "${API_TOKEN}" }\nlimits: { perMinute: 100 }\n',
    },
    {
      title: 'An inner service behind a key',
      yaml: 'type: http\nurl: https://scoring.example.com\nauth: { headers: { x-api-key: "${SCORING_KEY}" } }\ntimeout: 5s\ncheck: /health\n',
    },
  ],
  actions: {
    request: {
      summary:
        'Makes one call, or shares one with others; later steps see `status`, `body` and, where the answer has one, `location`.',
      effect: effectOfRequest,
      config: RequestConfig,
      check: requestFaults,
      examples: [
        {
          title: 'Score a person',
          yaml: 'in: scoring\npath: /score\nbody: { email: data.email, size: data.employees }\nidempotent: true\nas: score\n',
        },
        {
          title: 'Look something up',
          yaml: 'in: enrichment\nmethod: GET\npath: "/companies/{domain}"\nparams: { domain: data.domain }\nsuccess: [200, 404]\nas: company\n',
        },
        {
          title: 'An order, once, by a key that the API honours',
          yaml: 'in: shop\npath: /orders\nidempotencyHeader: Idempotency-Key\nbody: { customer: data.customerId, lines: data.lines }\n',
        },
        {
          title: 'Subscribers, 500 in a call; each has its own outcome',
          yaml: "in: newsletter\npath: /subscribers\nidempotent: true\nbody: { email: data.email, name: data.name }\nbatch: { size: 500, body: \"{'subscribers': items}\", answers: { at: results, ok: answer.status == 'ok', retry: answer.status == 'busy', id: { item: item.email, answer: answer.email } } }\n",
        },
      ],
    },
    list: {
      summary: 'Reads a list, page by page; later steps see its items. `each` goes over it without holding all of it.',
      effect: 'read',
      paged: true,
      config: HttpListConfig,
      examples: [
        {
          title: 'The plans that a shop has',
          yaml: 'in: shop\npath: /plans\nitems: data\npage: { by: cursor, next: next, parameter: after }\nas: plans\n',
        },
      ],
    },
  },
  create: (config, context) => new HttpSink(config, context),
})

/** Nothing is known of the other side but what the author says: without a word a repeat would be a second effect. */
function effectOfRequest(args: Fields): Effect {
  if (readsOnly(methodOf(args))) return 'read'
  if (args.idempotencyHeader !== undefined) return 'keyed'
  return args.idempotent === true ? 'safe' : 'blind'
}
