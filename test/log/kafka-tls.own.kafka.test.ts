import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { SCRAM_USER, type SecuredKafka, startSecuredKafka } from '../../scripts/services/kafka-secured.ts'
import type { SaslConfig } from '../../src/config/config.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import type { KafkaLogConfig } from '../../src/log/kafka/client.ts'
import { numbered, numbersOf } from '../conformance/event-log/suite.ts'
import { Collector } from '../support/collector.ts'
import { failureOf } from '../support/failure.ts'
import { until } from '../support/until.ts'
import { freshName, openTestLog } from './kafka-support.ts'

const SECRETS = [SCRAM_USER.password, 'wrong-pass', 'PRIVATE KEY']
const other = new CertificateAuthority('somebody else')
const stranger = other.issue('stranger', { hosts: ['client.example.com'] })

// What goes wrong mostly waits.
vi.setConfig({ maxConcurrency: 20 })

describe('Kafka behind TLS', () => {
  let kafka: SecuredKafka
  let ca: string

  beforeAll(async () => {
    kafka = await startSecuredKafka()
    ca = kafka.ca.pem
  }, 120_000)
  afterAll(async () => kafka?.stop())

  type Way = [broker: string, given: Partial<KafkaLogConfig>]
  const user = (mechanism: SaslConfig['mechanism'], password = SCRAM_USER.password) => ({
    ...{ mechanism, username: SCRAM_USER.username, password },
  })

  async function use<T>([broker, given]: Way, work: (log: EventLog) => Promise<T>): Promise<T> {
    const log = await openTestLog({ brokers: [broker] }, given)
    try {
      return await work(log)
    } finally {
      await log.close()
    }
  }

  it.concurrent.each<[string, () => Way]>([
    ['its own authority', () => [kafka.at.TLS, { tls: { ca } }]],
    ['a client certificate', () => [kafka.at.MUTUAL, { tls: { ca, ...kafka.client } }]],
    ['SCRAM-SHA-256', () => [kafka.at.SCRAM, { tls: { ca }, sasl: user('scram-sha-256') }]],
    ['SCRAM-SHA-512', () => [kafka.at.SCRAM, { tls: { ca }, sasl: user('scram-sha-512') }]],
    ['no check of certificates', () => [kafka.at.ELSEWHERE, { tls: { rejectUnauthorized: false } }]],
  ])('serves by %s: topics, appends, reads, subscriptions', async (_, way) => {
    await use(way(), async log => {
      const topic = freshName('tls')
      await log.createTopics([{ name: topic, partitions: 2 }])
      await log.append(topic, numbered(10))
      const read = []
      for await (const event of log.read(topic)) read.push(event)
      expect(read).toHaveLength(10)
      const collector = new Collector(log, [topic], freshName('group'), { start: 'earliest' })
      await until(() => collector.events.length === 10, { deadlineMs: 20_000, what: 'ten events' })
      expect(new Set(numbersOf(collector.events)).size).toBe(10)
      await collector.stop()
    })
  })

  it('serves a schema registry of the same authority', async () => {
    const { cert, key } = kafka.ca.issue('registry', { hosts: ['127.0.0.1'] })
    const registry = await httpsRegistry({ cert, key, ca, requestCert: true, rejectUnauthorized: true })
    const url = `https://127.0.0.1:${(registry.address() as AddressInfo).port}`
    try {
      const topic = freshName('tls-registry')
      const append = (log: EventLog) => log.append(topic, numbered(1))
      await use([kafka.at.TLS, { tls: { ca, ...kafka.client }, registry: { url } }], append)
      const refused = () => use([kafka.at.TLS, { tls: { ca }, registry: { url } }], append)
      expect(await failureOf(refused, { withinMs: 10_000, secrets: SECRETS })).toMatchObject({
        ...{ kind: 'fatal', code: 'LOG_TLS' },
        message: expect.stringMatching(/^schema registry at 127.0.0.1:\d+, .*certificate required: check log\.tls/),
      })
    } finally {
      registry.close()
    }
  })

  const tls = (says: string[]) => ({ kind: 'fatal', code: 'LOG_TLS', says })
  const refused = (says: string[]) => ({ kind: 'fatal', code: 'LOG_AUTH', says: [...says, 'log.sasl'] })
  const unfit = { kind: 'retryable', code: 'LOG_UNAVAILABLE', says: ['do log.tls and log.sasl fit the port?'] }
  const untrusted = tls(['signed by an authority that we do not trust', 'log.tls.ca'])

  it.concurrent.each<[string, () => Way, { kind: string; code: string; says: string[] }]>([
    ['no authority', () => [kafka.at.TLS, { tls: true }], untrusted],
    ['another authority', () => [kafka.at.TLS, { tls: { ca: other.pem } }], untrusted],
    [
      'a certificate for another host',
      () => [kafka.at.ELSEWHERE, { tls: { ca } }],
      tls(["IP: 127.0.0.1 is not in the cert's list", 'log.brokers']),
    ],
    [
      'a certificate for another name',
      () => [kafka.at.ELSEWHERE.replace('127.0.0.1', 'localhost'), { tls: { ca } }],
      tls(['Host: localhost. is not in', 'DNS:kafka.example.com']),
    ],
    ['an expired certificate', () => [kafka.at.EXPIRED, { tls: { ca } }], tls(['its certificate has expired: renew'])],
    [
      'no client certificate',
      () => [kafka.at.MUTUAL, { tls: { ca } }],
      tls(['does not accept our certificate, or we have none', 'log.tls.cert and log.tls.key']),
    ],
    [
      'a client certificate of a stranger',
      () => [kafka.at.MUTUAL, { tls: { ca, ...stranger } }],
      tls(['does not accept our certificate', 'log.tls.cert and log.tls.key']),
    ],
    [
      'a wrong password (256)',
      () => [kafka.at.SCRAM, { tls: { ca }, sasl: user('scram-sha-256', 'wrong-pass') }],
      refused(['invalid credentials']),
    ],
    [
      'a wrong password (512)',
      () => [kafka.at.SCRAM, { tls: { ca }, sasl: user('scram-sha-512', 'wrong-pass') }],
      refused(['invalid credentials']),
    ],
    [
      'a mechanism that is not offered',
      () => [kafka.at.SCRAM, { tls: { ca }, sasl: user('plain') }],
      refused(['does not support the requested SASL mechanism']),
    ],
    ['no password where one is asked for', () => [kafka.at.SCRAM, { tls: { ca } }], unfit],
    ['a password where none is taken', () => [kafka.at.TLS, { tls: { ca }, sasl: user('scram-sha-512') }], unfit],
    ['plain text to a port for TLS', () => [kafka.at.TLS, {}], unfit],
    ['plain text with a password to a port for TLS', () => [kafka.at.SCRAM, { sasl: user('scram-sha-512') }], unfit],
    ['TLS to a port without', () => [kafka.brokers[0]!, { tls: { ca } }], unfit],
    [
      'TLS to nobody',
      () => ['127.0.0.1:1', { tls: { ca } }],
      { kind: 'retryable', code: 'LOG_UNAVAILABLE', says: ['ECONNREFUSED', 'are the brokers up?'] },
    ],
  ])('says what is wrong with %s', async (_, way, { kind, code, says }) => {
    await use(way(), async log => {
      const signal = AbortSignal.timeout(20_000)
      const subscribe = () => log.subscribe(['any'], freshName('group'), { take: async () => {} }, signal)
      const tries = [() => log.createTopics([{ name: 'any' }]), () => log.append('any', numbered(1))]
      // What may pass later a subscription tries again by itself.
      const all = kind === 'fatal' ? [...tries, subscribe] : tries
      const errors = await Promise.all(all.map(work => failureOf(work, { withinMs: 9_000, secrets: SECRETS })))
      for (const error of errors) {
        expect(error).toMatchObject({ kind, code })
        for (const words of [`Kafka at ${way()[0]}`, ...says]) expect(error.message).toContain(words)
      }
    })
  })
})

/** Just enough of the registry's API for a first append. */
function httpsRegistry(options: Parameters<typeof createServer>[0]): Promise<Server> {
  const schema = JSON.stringify({ schemaType: 'JSON', schema: '{"type":"object"}', id: 1, version: 1 })
  const server = createServer(options as object, (request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/vnd.schemaregistry.v1+json').end(schema)
  })
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
