import { defineSink } from '../config/definition.ts'
import type { Fields } from '../event.ts'
import { HttpSystemConfig, RequestConfig } from './http/config.ts'
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
      summary: 'Makes one call; later steps see `status`, `body` and, where the answer has one, `location`.',
      effect: effectOfRequest,
      config: RequestConfig,
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
