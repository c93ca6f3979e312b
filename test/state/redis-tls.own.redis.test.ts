import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import { type SecuredRedis, type SecuredRedisOptions, startSecuredRedis } from '../../scripts/services/redis-secured.ts'
import type { RedisConfig } from '../../src/state/redis/connection.ts'
import type { OpenedRedis } from '../../src/state/redis/open.ts'
import { failureOf } from '../support/failure.ts'
import { until } from '../support/until.ts'
import { openTestRedis } from './redis-support.ts'

/** Of the user that docs/operations.md describes. */
const RIGHTS = '~test:* ~test#* +@read +@write +@connection +@scripting -@dangerous +info +time'
const PASSWORD = 's3cret:p@ss/word'
const SECRETS = [PASSWORD, encodeURIComponent(PASSWORD), 'wrong-pass', 'poor-pass', 'PRIVATE KEY']

// What goes wrong mostly waits.
vi.setConfig({ maxConcurrency: 20 })

const authority = new CertificateAuthority('Redis test CA')
const other = new CertificateAuthority('somebody else')
const ca = authority.pem
const client = authority.issue('client', { hosts: ['client.example.com'] })
const stranger = other.issue('stranger', { hosts: ['client.example.com'] })

describe('Redis behind TLS', () => {
  let redis: SecuredRedis
  let mutual: SecuredRedis
  let elsewhere: SecuredRedis
  let expired: SecuredRedis
  let cluster: SecuredRedis
  const started: SecuredRedis[] = []

  beforeAll(async () => {
    const acl = [
      'user default off',
      `user crm on >${PASSWORD} ${RIGHTS}`,
      'user poor on >poor-pass ~other:* +get +info',
    ]
    const clusterAcl = [
      'user default on nopass ~* &* +@all',
      `user crm on >${PASSWORD} ${RIGHTS} +cluster|slots +cluster|info`,
    ]
    const anHourAgo = new Date(Date.now() - 3_600_000)
    const start = async (options: Omit<SecuredRedisOptions, 'ca'>) => {
      const server = await startSecuredRedis({ ca: authority, ...options })
      started.push(server)
      return server
    }
    ;[redis, mutual, elsewhere, expired, cluster] = await Promise.all([
      start({ acl }),
      start({ mutual: true }),
      start({ hosts: ['redis.example.com'] }),
      start({ validUntil: anHourAgo }),
      start({ hosts: ['localhost'], cluster: true, acl: clusterAcl }),
    ])
  }, 60_000)
  afterAll(() => Promise.all(started.map(each => each.stop())))

  type Way = [url: string, given?: Partial<RedisConfig>]
  const crm = (password = PASSWORD) => `crm:${encodeURIComponent(password)}@`
  const named = ({ tls }: SecuredRedis) => tls.replace('127.0.0.1', 'localhost')

  async function use([url, given]: Way, work: (opened: OpenedRedis) => Promise<unknown>) {
    const opened = await openTestRedis({ url }, given)
    try {
      return await work(opened)
    } finally {
      await opened.close()
    }
  }

  async function everything({ state, coordinator }: OpenedRedis) {
    const [key, lease] = ['{tls}:a', 'tls-lease']
    await state.commit([{ key, value: { name: 'Zoë' } }])
    expect((await state.get([key]))[0]?.value).toEqual({ name: 'Zoë' })
    const keys = []
    for await (const entry of state.scan('{tls}')) keys.push(entry.key)
    expect(keys).toEqual([key])
    expect(await coordinator.acquire(lease, 'me', 1_000)).toBeDefined()
    await state.commit([{ key }])
  }

  it.each<[string, () => Way]>([
    [
      'rediss:// and its own authority, to a user of few rights',
      () => [`rediss://${crm()}${redis.tls}`, { tls: { ca } }],
    ],
    ['rediss:// and a name', () => [`rediss://${crm()}${named(redis)}`, { tls: { ca } }]],
    ['redis:// and `tls`', () => [`redis://${crm()}${redis.tls}`, { tls: { ca } }]],
    ['a client certificate', () => [`rediss://${mutual.tls}`, { tls: { ca, ...client } }]],
    [
      'a Cluster whose certificates have names only',
      () => [`rediss://${crm()}${named(cluster)}`, { tls: { ca }, cluster: true }],
    ],
    ['no check of certificates', () => [`rediss://${elsewhere.tls}`, { tls: { rejectUnauthorized: false } }]],
  ])('serves by %s', async (_, way) => {
    await use(way(), everything)
  })

  it('is there again by itself after a restart', async () => {
    await use([`rediss://${mutual.tls}`, { tls: { ca, ...client } }], async opened => {
      await opened.state.commit([{ key: '{tls}:kept', value: 1 }])
      await mutual.restart({ hard: true })
      await until(async () => (await opened.state.get(['{tls}:kept']))[0]?.value === 1, { what: 'the value' })
    })
  })

  const tls = (says: string[]) => ({ kind: 'fatal', code: 'STATE_TLS', says })
  const untrusted = tls(['signed by an authority that we do not trust', 'state.tls.ca'])
  const refused = (says: string[]) => ({ kind: 'fatal', code: 'STATE_AUTH', says })
  const away = (says: string[]) => ({ kind: 'retryable', code: 'STATE_UNAVAILABLE', says })
  const wantsTls = away(['does this port want TLS', 'rediss:// in state.url'])
  const noTls = away(['is this its port for TLS'])

  it.concurrent.each<[string, () => Way, { kind: string; code: string; says: string[] }]>([
    ['no authority', () => [`rediss://${crm()}${redis.tls}`], untrusted],
    ['another authority', () => [`rediss://${crm()}${redis.tls}`, { tls: { ca: other.pem } }], untrusted],
    [
      'another authority, on a Cluster',
      () => [`rediss://${named(cluster)}`, { tls: { ca: other.pem }, cluster: true }],
      untrusted,
    ],
    [
      'a certificate for another host',
      () => [`rediss://${elsewhere.tls}`, { tls: { ca } }],
      tls(["IP: 127.0.0.1 is not in the cert's list", 'state.url']),
    ],
    [
      'a certificate for another name',
      () => [`rediss://${named(elsewhere)}`, { tls: { ca } }],
      tls(['Host: localhost. is not in', 'DNS:redis.example.com']),
    ],
    [
      'an expired certificate',
      () => [`rediss://${expired.tls}`, { tls: { ca } }],
      tls(['its certificate has expired: renew']),
    ],
    [
      'a wrong password',
      () => [`rediss://crm:wrong-pass@${redis.tls}`, { tls: { ca } }],
      refused(['WRONGPASS', 'state.url']),
    ],
    [
      'a wrong password, on a Cluster',
      () => [`rediss://crm:wrong-pass@${named(cluster)}`, { tls: { ca }, cluster: true }],
      refused(['WRONGPASS', 'state.url']),
    ],
    [
      'no password',
      () => [`rediss://${redis.tls}`, { tls: { ca } }],
      refused(['NOAUTH', 'put user and password into']),
    ],
    [
      'a user without rights',
      () => [`rediss://poor:poor-pass@${redis.tls}`, { tls: { ca } }],
      refused(["'eval'", 'ACL SETUSER']),
    ],
    ['plain text to a port for TLS', () => [`redis://${crm()}${redis.tls}`], wantsTls],
    ['plain text to a port for TLS of a Cluster', () => [`redis://${cluster.tls}`, { cluster: true }], wantsTls],
    ['TLS to a port without', () => [`rediss://${crm()}${redis.plain}`, { tls: { ca } }], noTls],
    ['TLS to a port without of a Cluster', () => [`rediss://${cluster.plain}`, { tls: { ca }, cluster: true }], noTls],
    ['TLS to nobody', () => ['rediss://127.0.0.1:1', { tls: { ca } }], away(['ECONNREFUSED', 'is Redis up?'])],
  ])('says what is wrong with %s', async (_, way, { kind, code, says }) => {
    const write = () => use(way(), ({ state }) => state.commit([{ key: '{tls}:no', value: PASSWORD }]))
    const error = await failureOf(write, { withinMs: 9_000, secrets: SECRETS })
    expect(error).toMatchObject({ kind, code })
    for (const words of [`(Redis at ${new URL(way()[0]).host})`, ...says]) expect(error.message).toContain(words)
  })

  /** Where the server hangs up fast, its reason is lost on the way: then what to look at is said. */
  it.concurrent.each<[string, Partial<RedisConfig>]>([
    ['no client certificate', { tls: { ca } }],
    ['a client certificate of a stranger', { tls: { ca, ...stranger } }],
  ])('says what is wrong with %s', async (_, given) => {
    const write = () =>
      use([`rediss://${mutual.tls}`, given], ({ state }) => state.commit([{ key: '{tls}:no', value: 1 }]))
    const error = await failureOf(write, { withinMs: 9_000, secrets: SECRETS })
    expect(['STATE_TLS', 'STATE_UNAVAILABLE']).toContain(error.code)
    expect(error.message).toMatch(/accept our certificate.*state\.tls\.cert/)
  })
})
