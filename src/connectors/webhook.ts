import { type Static, Type } from '@sinclair/typebox'
import { Bytes, bytesOf, type ConnectorContext, defineConnector, Expr } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import { type Fields, RECEIVED } from '../event.ts'
import type { Connector, IncomingRequest, Received } from './connector.ts'
import { type BodyKind, parseBody } from './webhook/body.ts'
import { eventMaker } from './webhook/events.ts'
import { createScheme, Verification } from './webhook/verify.ts'

const SCOPE = ['data', 'headers', 'query']
const MAX_BODY_BYTES = 16 * 1024 * 1024

const Config = Type.Object(
  {
    path: Type.String({
      pattern: '^/[^?#\\s]*$',
      description: 'Where the sender posts to; anything that is not taken by the daemon itself.',
      examples: ['/hooks/lead-form'],
    }),
    verify: Verification,
    accept: Type.Optional(
      Type.Array(Type.Union([Type.Literal('json'), Type.Literal('form'), Type.Literal('multipart')]), {
        minItems: 1,
        uniqueItems: true,
        description:
          'Kinds of bodies: JSON, urlencoded forms, multipart forms (of files only name, type and size are kept).',
        default: ['json'],
        examples: [['json', 'form', 'multipart']],
      }),
    ),
    object: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_-]*$',
        description:
          'What is received; part of the topic, and events are of type `<object>.received`. Without it they are of type `<connector>.received`.',
        default: RECEIVED,
        examples: ['lead'],
      }),
    ),
    idempotency: Type.Optional(
      Expr({
        description:
          'What two deliveries of one thing have in common. Default: the delivery id of the scheme, else nothing.',
        scope: SCOPE,
        examples: ["headers['x-delivery-id']", 'data.submissionId'],
      }),
    ),
    key: Type.Optional(
      Expr({
        description: 'Events with the same key are processed in the order of their arrival. Default: the event id.',
        scope: SCOPE,
        examples: ['data.email'],
      }),
    ),
    time: Type.Optional(
      Expr({
        description:
          'When it happened, by the sender: RFC 3339, or seconds or milliseconds since 1970. Default: the arrival.',
        scope: SCOPE,
        examples: ['data.submittedAt'],
      }),
    ),
    items: Type.Optional(
      Type.Boolean({
        description: 'A JSON list gives one event per element. Default: only with the scheme hubspot-v3.',
        examples: [true],
      }),
    ),
    keepHeaders: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9-]+$', description: 'Header name.', examples: ['x-event-name'] }), {
        description: 'Headers that are kept with the event, as attributes without the dashes (`event.xeventname`).',
        examples: [['x-event-name']],
      }),
    ),
    bodyLimit: Type.Optional(
      Bytes({ description: 'Larger bodies are refused with 413; at most 16MiB.', default: '1MiB', examples: ['5MiB'] }),
    ),
    cors: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^(\\*|https?://[^/\\s]+)$',
          description: 'An origin.',
          examples: ['https://www.example.com'],
        }),
        {
          minItems: 1,
          description: 'Web pages that may post from a browser; others are refused.',
          examples: [['https://www.example.com']],
        },
      ),
    ),
    honeypot: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'A field that people do not see. Filled in, the sender gets the usual answer and nothing is kept.',
        examples: ['website'],
      }),
    ),
    redirect: Type.Optional(
      Type.String({
        pattern: '^(https?://|/)\\S+$',
        description: 'Where a browser goes after it posted a form without script (303).',
        examples: ['https://www.example.com/thanks'],
      }),
    ),
  },
  { additionalProperties: false },
)

/** What anybody sends to an address of ours: web forms, and systems that announce their changes. */
export default defineConnector({
  type: 'webhook',
  summary: 'Takes in what is posted to an address: JSON, web forms, and signed webhooks of other systems.',
  config: Config,
  examples: [
    {
      title: 'A web form behind a shared key',
      yaml: 'type: webhook\npath: /hooks/lead-form\naccept: [json, form, multipart]\nverify: { header: x-form-key, equals: "${FORM_KEY}" }\n',
    },
    {
      title: 'A public form on a web page',
      yaml:
        'type: webhook\npath: /hooks/contact\naccept: [form, multipart]\nverify: none\nobject: contact\n' +
        'cors: ["https://www.example.com"]\nhoneypot: website\nredirect: https://www.example.com/thanks\n',
    },
    {
      title: 'Stripe, while its secret is being rotated',
      yaml: 'type: webhook\npath: /hooks/stripe\nverify: { scheme: stripe, secret: ["${STRIPE_SECRET}", "${OLD_STRIPE_SECRET}"] }\nkey: data.data.object.id\n',
    },
    {
      title: 'Any HMAC with a timestamp',
      yaml:
        'type: webhook\npath: /hooks/recorder\nbodyLimit: 8MiB\nverify:\n  scheme: hmac\n  secret: "${RECORDER_SECRET}"\n' +
        '  header: x-signature\n  timestampHeader: x-timestamp\n  signed: "{timestamp}.{body}"\n',
    },
  ],
  objects: config => [config.object ?? RECEIVED],
  create: (config, context) => createWebhook(config, context),
})

function createWebhook(config: Static<typeof Config>, context: ConnectorContext): Connector {
  const { publicUrl } = context
  const scheme = createScheme(config.verify, publicUrl && publicUrl.replace(/\/+$/, '') + config.path)
  const accept: ReadonlySet<BodyKind> = new Set(config.accept ?? ['json'])
  const object = config.object ?? RECEIVED
  const lists =
    config.items ?? (config.verify !== 'none' && 'scheme' in config.verify && config.verify.scheme === 'hubspot-v3')
  const eventsOf = eventMaker({
    connector: context.name,
    object,
    env: context.env,
    scheme,
    ...compiled(config, context),
    keepHeaders: [...(scheme.keepHeaders ?? []), ...(config.keepHeaders ?? []).map(name => name.toLowerCase())],
  })
  return {
    objects: [object],
    route: {
      path: config.path,
      methods: ['POST'],
      bodyLimitBytes: limitOf(config.bodyLimit, context.name),
      cors: config.cors,
    },
    async receive(request): Promise<Received> {
      scheme.verify(request)
      const { kind, items } = parseBody(request, accept, lists)
      const response = kind === 'json' ? undefined : redirection(config.redirect, request)
      if (config.honeypot !== undefined && items.some(({ data }) => isFilled(data, config.honeypot!))) {
        // Exactly the answer of a success: a bot must not learn that it was seen.
        return {
          events: [],
          dropped: 'honeypot',
          response: response ?? { status: 202, body: { accepted: items.length } },
        }
      }
      const events = eventsOf(request, items)
      return { events, dropped: events.length === 0 ? 'empty' : undefined, response }
    },
  }
}

function compiled({ idempotency, key, time }: Static<typeof Config>, context: ConnectorContext) {
  return {
    ...(idempotency !== undefined && { idempotency: context.compile(idempotency) }),
    ...(key !== undefined && { key: context.compile(key) }),
    ...(time !== undefined && { time: context.compile(time) }),
  }
}

function limitOf(bodyLimit: string | undefined, connector: string): number {
  const bytes = bodyLimit === undefined ? 1024 * 1024 : bytesOf(bodyLimit)
  if (bytes <= MAX_BODY_BYTES) return bytes
  throw new SyncError(
    'fatal',
    'BAD_BODY_LIMIT',
    `connectors.${connector}.bodyLimit: ${bodyLimit} is more than the 16MiB that a record can have`,
  )
}

function isFilled(data: Fields, field: string): boolean {
  if (!Object.hasOwn(data, field)) return false
  const value = data[field]
  return value !== undefined && value !== null && value !== '' && value !== false
}

/** A browser that posted a form without script asks for a page; a script reads the JSON answer. */
function redirection(url: string | undefined, request: IncomingRequest): Received['response'] | undefined {
  if (url === undefined || !String(request.headers.accept ?? '').includes('text/html')) return undefined
  return { status: 303, headers: { location: url } }
}
