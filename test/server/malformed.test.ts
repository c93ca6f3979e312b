import { createHash } from 'node:crypto'
import net from 'node:net'
import { afterEach, expect, it } from 'vitest'
import webhook from '../../src/connectors/webhook.ts'
import type { Environment } from '../../src/environment.ts'
import { createContext, NOW } from '../connectors/webhook-support.ts'
import { type Harness, parseAnswer, type RawAnswer, startServer, testEnvironment } from './harness.ts'
import { PAYLOADS } from './malformed-payloads.ts'
import { CANARY, type Headers, SENDERS, type Sender } from './malformed-senders.ts'

const WANTED = 10_000
const BODY_LIMIT = 64 * 1024

let harness: Harness

afterEach(() => harness?.server.close(0))

it('10,000 malformed bodies, signatures and headers: refused with a reason where they are wrong, never a 5xx, no secret out', async () => {
  const logged: string[] = []
  const env: Environment = { ...testEnvironment(logged), clock: { ...testEnvironment([]).clock, now: () => NOW } }
  const connectors = SENDERS.map(({ name, verify }) => {
    const config = {
      path: `/hooks/${name}`,
      verify,
      accept: ['json' as const, 'form' as const, 'multipart' as const],
      bodyLimit: '64KiB',
    }
    return [name, webhook.create(config, createContext(name, env))] as const
  })
  harness = await startServer({ connectors: new Map(connectors), env })

  const random = seeded(20261124)
  const seen = new Set<string>()
  const wrong: string[] = []
  const tally: Record<string, number> = {}
  let refused = 0
  const worker = async () => {
    const connection = new Connection(harness.port)
    while (refused < WANTED) {
      const trial = makeTrial(random)
      const bytes = render(trial)
      const digest = createHash('sha1').update(bytes).digest('base64')
      if (seen.has(digest)) continue
      seen.add(digest)
      if (!trial.expected.includes(202)) refused++
      const answer = await connection.exchange(bytes)
      tally[`${trial.kind} ${answer.status}`] = (tally[`${trial.kind} ${answer.status}`] ?? 0) + 1
      if (!isRight(trial, answer))
        wrong.push(
          `${trial.kind} at ${trial.sender.name}: ${answer.status} ${answer.body}, not ${trial.expected}: ${bytes.toString('latin1').slice(0, 600)}`,
        )
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: 16 }, worker))

  expect(wrong.slice(0, 5)).toEqual([])
  expect(refused).toBeGreaterThanOrEqual(WANTED)
  const accepted = Object.entries(tally)
    .filter(([name]) => name.endsWith(' 202'))
    .reduce((sum, [, count]) => sum + count, 0)
  // Some mutations leave a valid request: these must have come through, each of them.
  expect(accepted).toBeGreaterThan(100)
  expect(Object.keys(tally).filter(name => / 5\d\d$/.test(name))).toEqual([])
  const events = harness.appended.length
  expect(events).toBeGreaterThanOrEqual(accepted)
  expect(logged.filter(line => line.includes(CANARY))).toEqual([])
  expect(logged).toEqual([])
  expect(Object.prototype).not.toHaveProperty('polluted')
}, 120_000)

interface Trial {
  readonly kind: string
  readonly sender: Sender
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly body: Buffer
  readonly expected: readonly number[]
}

type Random = (below: number) => number

/** One request with one thing wrong, and what has to come of it by rules written apart from the code under test. */
function makeTrial(random: Random): Trial {
  const sender = pick(random, SENDERS)
  const payload = pick(random, PAYLOADS)
  const original = Buffer.from(sender.lists && random(2) ? `[${payload}]` : payload)
  const json = { 'content-type': 'application/json' }
  const request = { sender, method: 'POST', path: `/hooks/${sender.name}`, body: original }
  const valid = { ...json, ...sender.sign(original, NOW) }
  const die = random(100)
  if (die < 45 || (sender.proofs.length === 0 && die < 90)) {
    const body = mutateBody(random, original)
    const headers = { ...json, ...sender.sign(body, NOW) }
    return { ...request, kind: 'body', body, headers, expected: [judge(body, sender)] }
  }
  if (die < 55 && sender.signsBody) {
    const body = mutateBody(random, original)
    const expected = body.equals(original) ? 202 : body.length > BODY_LIMIT ? 413 : 401
    return { ...request, kind: 'tampered body', body, headers: valid, expected: [expected] }
  }
  if (die < 63 && sender.timestamped) {
    const seconds = pick(random, [301, -301, 3600, -86_400, 10 ** 9, -(10 ** 9)]) + random(1000) * (random(2) ? 1 : 0)
    const expected = Math.abs(seconds) > 300 ? 401 : 202
    return {
      ...request,
      kind: 'timestamp',
      headers: { ...json, ...sender.sign(original, NOW + seconds * 1000) },
      expected: [expected],
    }
  }
  if (die < 90 && sender.proofs.length > 0) {
    return { ...request, kind: 'proof', headers: { ...json, ...mutateProof(random, sender, valid) }, expected: [401] }
  }
  return { ...request, ...mutateRequest(random, request.path, valid) }
}

function judge(body: Buffer, sender: Sender): number {
  if (body.length > BODY_LIMIT) return 413
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
    const items = Array.isArray(value) && sender.lists ? value : [value]
    const fine = items.every(item => typeof item === 'object' && item !== null && !Array.isArray(item))
    return fine && isTame(value, 0) ? 202 : 400
  } catch {
    return 400
  }
}

function isTame(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth >= 100) return false
  return Object.entries(value).every(([key, inner]) => key !== '__proto__' && isTame(inner, depth + 1))
}

function mutateBody(random: Random, body: Buffer): Buffer {
  const at = random(body.length)
  const cut = (insert: Buffer | string, remove = 0) =>
    Buffer.concat([body.subarray(0, at), Buffer.from(insert as string), body.subarray(at + remove)])
  const nested = 50 + random(200)
  const mutations: (() => Buffer)[] = [
    () => body.subarray(0, at),
    () => body.subarray(at),
    () => cut('', 1 + random(20)),
    () => cut(Buffer.from([random(256)]), 1),
    () => cut(Buffer.from([random(256)])),
    () =>
      cut(
        pick(random, [
          '"',
          '\\',
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '\0',
          '\n',
          '\u2028',
          'NaN',
          '\\u00',
          '\\ud800',
          '1e999',
          '/*',
          '-',
        ]),
      ),
    () =>
      cut(
        pick(random, [
          Buffer.from([0xc3]),
          Buffer.from([0xed, 0xa0, 0x80]),
          Buffer.from([0xf8, 0x88]),
          Buffer.from([0xc0, 0x80]),
        ]),
      ),
    () => Buffer.concat([Buffer.from('\ufeff'), body, Buffer.from(' '.repeat(at))]),
    () => Buffer.concat([body, Buffer.from(String(at)), body]),
    () => Buffer.from(`${'{"a":'.repeat(nested)}${at}${'}'.repeat(nested)}`),
    () => Buffer.from(`{"a":${'['.repeat(nested)}${at}${']'.repeat(nested)}}`),
    () => Buffer.from('['.repeat(1000 + at)),
    () => Buffer.from(`{"__proto__":{"polluted":${at}},"x":1}`),
    () => Buffer.from(`{"a":[{"\\u005f_proto__":{"polluted":${at}}}]}`),
    () => Buffer.from(JSON.stringify(pick<unknown>(random, [at, `text ${at}`, [at], [[at]], null, true]))),
    () => Buffer.from(`{"number":${'9'.repeat(1 + at)}}`),
    () => Buffer.alloc(BODY_LIMIT + 1 + at, 0x20),
    () => Buffer.from(body.toString('utf8').replaceAll('"', "'")),
    () => Buffer.from(body.toString('utf8').slice(0, at), 'utf16le'),
  ]
  return pick(random, mutations)()
}

const PROOF_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/._-'

/** Any other text than the right one, or none at all. */
function mutateProof(random: Random, sender: Sender, headers: Headers): Headers {
  const name = pick(random, sender.proofs)
  const right = headers[name]!
  // In front of the credential stands a scheme's name, which is not case-sensitive and so no proof.
  const from = name === 'authorization' ? right.indexOf(' ') + 1 : 0
  const at = from + random(right.length - from)
  const character = pick(random, [...PROOF_CHARACTERS])
  const other = pick(random, [
    () => right.slice(0, at) + character + right.slice(at + 1),
    () => right.slice(0, at) + right.slice(at + 1),
    () => right.slice(0, at) + character + right.slice(at),
    () => right.slice(0, at),
    () => right + character,
    // A list of signatures may hold the right one twice.
    () => (sender.severalProofs ? '' : `${right}${right}`),
    () => character.repeat(right.length),
    () => (sender.severalProofs ? character : `${right}, ${right}`),
    () => 'é'.repeat(1 + random(right.length)),
    () => Array.from({ length: right.length }, () => pick(random, [...PROOF_CHARACTERS])).join(''),
  ])().trim()
  if (other === right) return mutateProof(random, sender, headers)
  const rest = Object.entries(headers).filter(([header]) => header !== name)
  return Object.fromEntries(other === '' || random(12) === 0 ? rest : [...rest, [name, other]])
}

/** What has nothing to do with proofs or bodies. */
function mutateRequest(
  random: Random,
  path: string,
  headers: Headers,
): Pick<Trial, 'kind' | 'method' | 'path' | 'headers' | 'expected'> {
  const n = random(100_000)
  const type = (value: string) => ({ ...headers, 'content-type': value })
  const same = { method: 'POST', path, headers }
  return pick(random, [
    {
      kind: 'method',
      ...same,
      method: pick(random, ['PUT', 'PATCH', 'DELETE', 'GET']),
      headers: { ...headers, 'x-n': `${n}` },
      expected: [405],
    },
    { kind: 'path', ...same, path: `${path}${n}`, expected: [404] },
    { kind: 'path', ...same, path: `${path}/%zz${n}`, expected: [400, 404] },
    { kind: 'media type', ...same, headers: type(`application/x-${n}`), expected: [415] },
    { kind: 'media type', ...same, headers: type(`application/json; charset=x${n}`), expected: [415] },
    { kind: 'media type', ...same, headers: type(`;;;${n}`), expected: [415] },
    { kind: 'boundary', ...same, headers: type(`multipart/form-data; boundary=b${n}`), expected: [400] },
    { kind: 'boundary', ...same, headers: type(`multipart/form-data; x=${n}`), expected: [400] },
    { kind: 'encoding', ...same, headers: { ...headers, 'content-encoding': `gzip${n}` }, expected: [415] },
    { kind: 'header', ...same, headers: { ...headers, [`x-\u0001${n}`]: 'y' }, expected: [400] },
    { kind: 'header', ...same, headers: { ...headers, 'x-n': `a\u0000${n}` }, expected: [400] },
    { kind: 'header size', ...same, headers: { ...headers, 'x-n': `${n}${'y'.repeat(20_000)}` }, expected: [431] },
  ])
}

function render({ method, path, headers, body }: Trial): Buffer {
  const lines = Object.entries({ host: 'localhost', ...headers, 'content-length': String(body.length) })
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

function isRight({ expected }: Trial, { status, body }: RawAnswer): boolean {
  if (!expected.includes(status) || body.includes(CANARY)) return false
  const answer = JSON.parse(body)
  return status === 202 ? answer.accepted >= 0 : /^[A-Z_]+$/.test(answer.error.code) && answer.error.message.length > 10
}

/** One request after the other on one connection, a new one where the server closed it. */
class Connection {
  readonly #port: number
  #socket: net.Socket | undefined

  constructor(port: number) {
    this.#port = port
  }

  exchange(bytes: Buffer): Promise<RawAnswer> {
    this.#socket =
      this.#socket && !this.#socket.destroyed && this.#socket.writable
        ? this.#socket
        : net.connect(this.#port, '127.0.0.1')
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      let text = ''
      const settle = (answer: RawAnswer | undefined, error?: Error) => {
        if (!answer && !error) return
        socket.removeAllListeners()
        socket.on('error', () => {})
        // A refusal ahead of the body, or of the connection: the next request gets a clean one.
        if (!answer || [400, 413, 415, 404, 405, 431].includes(answer.status)) socket.destroy()
        if (answer) resolve(answer)
        else reject(error)
      }
      socket.on('data', chunk => {
        text += chunk.toString('latin1')
        settle(parseAnswer(text))
      })
      socket.on('error', error => settle(parseAnswer(text), error))
      socket.on('close', () =>
        settle(parseAnswer(text), new Error(`no answer to ${bytes.toString('latin1').slice(0, 500)}`)),
      )
      socket.write(bytes)
    })
  }

  close(): void {
    this.#socket?.destroy()
  }
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)]!
}

/** mulberry32: small, fast, the same on every machine. */
function seeded(seed: number): Random {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below)
  }
}
