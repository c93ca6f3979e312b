import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { env as plain, problemsOf } from './support.ts'

const env = { ...plain, CA: new CertificateAuthority('test CA').pem }

/** Right, and with everything that a config can have. */
const WHOLE = parse(`
systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}", limits: { perMinute: 5 } }
  api: { type: http, url: https://a.example.com, headers: { accept: x }, auth: { bearer: "\${FORM_KEY}" } }
connectors:
  form: { type: webhook, path: /form, verify: { scheme: stripe, secret: ["\${FORM_KEY}"] }, key: data.id, cors: ["*"] }
flows:
  leads:
    from: [form, twenty.person.created]
    start: earliest
    formerly: old
    concurrency: 5
    remember: 90d
    steps:
      - filter: data.a
      - transform: { a: data.x, b: [a, { c: a }], id: first }
      - validate: { schema: { type: object } }
      - dedupe: { by: data.a, within: 1h }
      - upsert: { in: twenty, object: person, match: [name], values: { x: a }, as: person, when: b == a, key: a, onUnknown: hold }
      - request: { via: api, path: "/x/{id}", params: { id: data.id }, body: [a, 5, null], success: [200] }
      - each: { over: data.items, as: one, key: one.id, concurrency: 2, do: [{ find: { object: company, recordId: one.id } }] }
      - choose: [{ when: b == a, do: [{ filter: a }] }, { do: [{ request: { via: api, path: /y, id: other } }] }]
      - each: { over: { find: { in: twenty, object: person, filter: { city: { eq: data.x } } } }, as: many, key: many.id, batch: 2, onFailure: next, summary: sum, id: pages, do: [{ filter: a }] }
syncs:
  contacts:
    left: { system: twenty, object: person, where: data.a, create: true, deletes: hold, stateField: state, syncedAtField: at }
    right: { system: twenty, object: company }
    match: [{ left: a, right: a, normalise: email }]
    fields:
      - { left: a, right: a }
      - { left: b.c, right: b, name: b, policy: latest, tie: { prefer: left } }
      - { left: c, right: c, policy: { prefer-unless-blank: right }, values: { a: b, c: 1 } }
      - { left: d, right: d, values: [{ left: true, right: null }], normalise: text, direction: to-left }
      - { left: e, right: e, toLeft: value, toRight: record.e }
    skewTolerance: 2s
    guard: { creates: 1, updates: 1, deletes: 1 }
    tasks: { in: twenty, assignee: a@example.com, most: 5 }
    reconcileEvery: 24h
    formerly: people
log:
  type: kafka
  brokers: ["localhost:9092"]
  tls: { ca: "\${CA}", rejectUnauthorized: true }
  sasl: { mechanism: plain, username: a, password: "\${FORM_KEY}" }
  registry: { url: "https://r.example.com" }
state: { type: redis, url: ["redis://localhost"], cluster: true }
server: { host: a, port: 1, publicUrl: "https://a.example.com" }
`) as unknown

const value = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  // What cannot be made a text or a number.
  fc.constantFrom({ toString: null }, [{ toString: null, valueOf: null }]),
  fc.constantFrom(
    '',
    '${',
    '${NOPE}',
    '${FORM_KEY}',
    '${ODD}',
    'https://u:p@h/?token=1',
    'a.b.c',
    '-1',
    '1e999',
    'data.x +',
    'toString',
    '$${x}',
  ),
)

/** Picks a place by walking down at random, and puts something else there, or takes it away. */
function changed(node: unknown, turns: readonly number[], put: unknown, at = 0): unknown {
  const turn = turns[at]
  if (turn === undefined || typeof node !== 'object' || node === null) return put
  const keys = Object.keys(node)
  if (keys.length === 0) return put
  const key = keys[turn % keys.length]!
  const inner = changed((node as Record<string, unknown>)[key], turns, put, at + 1)
  if (Array.isArray(node)) return node.map((item, index) => (String(index) === key ? inner : item))
  const { [key]: _, ...rest } = node as Record<string, unknown>
  return inner === undefined ? rest : { ...node, [key]: inner }
}

it('is right before anything is changed', async () => {
  expect(await problemsOf(stringify(WHOLE), { env })).toEqual([])
})

it('whatever stands anywhere, a config loads or every problem has its place', async () => {
  const change = fc.tuple(fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }), fc.option(value, { nil: undefined }))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
      const config = changes.reduce<unknown>((before, [turns, put]) => changed(before, turns, put), WHOLE)
      const text = stringify(config, { aliasDuplicateObjects: false })
      const lines = text.split('\n')
      for (const { line, column, message, suggestion, rule } of await problemsOf(text, {
        env: { ...env, ODD: 'word-of-odd' },
      })) {
        expect(lines.length).toBeGreaterThanOrEqual(line)
        expect(column).toBeGreaterThanOrEqual(1)
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1)
        expect(rule).toMatch(/^[a-zA-Z-]+$/)
        // P9
        expect(`${message} ${suggestion}`).not.toMatch(/-of-(twenty|form|odd)/)
      }
    }),
    { numRuns: 150 },
  )
})
