import { isIP } from 'node:net'
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import type { StateConfig } from '../../config/config.ts'
import type { Environment } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import { ACQUIRE, BLOCK, COMMIT, INSPECT, RENEW, TAKE } from './scripts.ts'
import { saysLittle, stateError, withoutArguments } from './state-error.ts'
import { TlsConnector } from './tls-connector.ts'

export type RedisConfig = Extract<StateConfig, { type: 'redis' }>

type Text = string | number

/** Our scripts as commands of the client; the number of keys comes first where it varies. */
interface Scripts {
  syncCommit(keys: number, ...keysAndArguments: Text[]): Promise<string[] | null>
  syncAcquire(key: string, owner: string, ttlMs: number): Promise<string | null>
  syncRenew(key: string, epoch: number, ttlMs: number): Promise<number>
  syncTake(key: string, cost: number, ...buckets: Text[]): Promise<string>
  syncBlock(key: string, ms: number): Promise<number>
  syncInspect(key: string, ...buckets: Text[]): Promise<string[]>
}

export type RedisClient = (Redis | Cluster) & Scripts

/** How long a command waits for a connection, and then for its answer. */
const CONNECT_WAIT_MS = 2_000
const COMMAND_MS = 5_000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000
const CLOSE_MS = 1_000

/** One client for state and coordination; reconnects for as long as it is open. */
export class RedisConnection {
  readonly #client: RedisClient
  readonly #env: Environment
  readonly #logger: Logger
  readonly #name: string
  readonly #config: RedisConfig
  readonly #isCluster: boolean
  #lastError: unknown
  #isUp = true
  #wasUp = false
  #closed: Promise<void> | undefined

  constructor(config: RedisConfig, env: Environment) {
    this.#env = env
    this.#logger = env.logger.child({ component: 'redis' })
    this.#name = config.urls.map(url => new URL(url).host).join(', ')
    this.#config = config
    this.#isCluster = config.cluster || config.urls.length > 1
    const client = this.#isCluster ? clusterOf(config, env) : redisOf(config, env)
    this.#client = withScripts(client)
    client.on('error', error => this.#heard(error))
    // Of a Cluster, whose own errors say only that no node could be used.
    client.on('node error', error => this.#heard(error))
    client.on('close', () => this.#say(false))
    client.on('ready', () => this.#say(true))
  }

  /** Waits shortly for the first connection. @throws SyncError fatal when Redis refuses us; being away is no error. */
  async open(): Promise<void> {
    try {
      await this.run('cannot connect', async () => {})
    } catch (thrown) {
      const error = this.#isCluster ? await this.#reasonOfFirst(stateError(thrown, 'cannot connect')) : thrown
      if (error instanceof SyncError && error.kind === 'fatal') throw error
      return
    }
    await this.#warnOfEviction()
  }

  /**
   * Runs commands. Nothing is queued while Redis is away, and nothing that was sent is sent again: a commit that comes a
   * second time, or late, would find its own versions and lose against itself.
   * @throws SyncError retryable `STATE_UNAVAILABLE` within 7 s, `outcomeUnknown` when a write went unanswered.
   */
  async run<T>(doing: string, work: (client: RedisClient) => Promise<T>, isWrite = false): Promise<T> {
    await this.#ready(doing)
    try {
      return await work(this.#client)
    } catch (error) {
      throw stateError(error, `${doing} (Redis at ${this.#name})`, { isWrite })
    }
  }

  /** The nodes that hold keys. */
  masters(): Redis[] {
    const client: Redis | Cluster = this.#client
    return client instanceof Cluster ? client.nodes('master') : [client]
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const timer = new AbortController()
    const quit = this.#client.status === 'ready' ? this.#client.quit().catch(() => {}) : Promise.resolve()
    await Promise.race([quit, this.#env.clock.sleep(CLOSE_MS, timer.signal).catch(() => {})])
    timer.abort()
    this.#client.disconnect()
  }

  async #ready(doing: string): Promise<void> {
    if (this.#closed) throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'the state is closed')
    if (this.#client.status === 'ready') return
    const timer = new AbortController()
    let heard = () => {}
    const ready = new Promise<boolean>(resolve => {
      heard = () => resolve(true)
      this.#client.once('ready', heard)
    })
    const tooLate = this.#env.clock.sleep(CONNECT_WAIT_MS, timer.signal).then(
      () => false,
      () => false,
    )
    const isReady = await Promise.race([ready, tooLate])
    timer.abort()
    this.#client.off('ready', heard)
    if (isReady) return
    throw this.#unreachable(doing, this.#lastError ?? new Error('no connection'))
  }

  /** What a node said in words tells more than that it then hung up. */
  #heard(error: unknown): void {
    const safe = withoutArguments(error)
    this.#logger.debug({ err: safe }, 'redis')
    if (this.#lastError === undefined || !saysLittle(safe)) this.#lastError = safe
  }

  /** A Cluster's client keeps to itself why it can use no node; a connection to the first one tells. */
  async #reasonOfFirst(otherwise: SyncError): Promise<SyncError> {
    const first = redisOf(this.#config, this.#env, { lazyConnect: true, retryStrategy: () => null })
    let heard: unknown
    first.on('error', error => {
      heard ??= error
    })
    await first.connect().catch(() => {})
    first.disconnect()
    return heard === undefined ? otherwise : this.#unreachable('cannot connect', heard)
  }

  #unreachable(doing: string, error: unknown): SyncError {
    const hint = this.#wasUp ? undefined : isSecure(this.#config) ? SECURE_HINT : OPEN_HINT
    return stateError(error, `${doing} (Redis at ${this.#name})`, { hint })
  }

  async #warnOfEviction(): Promise<void> {
    const asked = this.masters().map(node => node.config('GET', 'maxmemory-policy'))
    // A user of few rights, and many a hosted Redis, may not ask.
    const answers = await Promise.all(asked).catch(() => [])
    const policies = answers.map(answer => (answer as string[])[1])
    if (policies.every(policy => policy === undefined || policy === 'noeviction')) return
    this.#logger.warn({ policies }, 'Redis may evict state: set maxmemory-policy to noeviction')
  }

  #say(isUp: boolean): void {
    if (isUp) {
      this.#wasUp = true
      this.#lastError = undefined
    }
    if (this.#isUp === isUp || this.#closed) return
    this.#isUp = isUp
    if (isUp) this.#logger.info('Redis is back')
    else this.#logger.warn({ err: this.#lastError }, 'Redis is away: connecting again')
  }
}

const SECURE_HINT =
  'is Redis up, is this its port for TLS, and does it accept our certificate (state.tls.cert), if it asks for one?'
const OPEN_HINT = 'is Redis up, and does this port want TLS (rediss:// in state.url)?'

function isSecure({ urls, tls }: RedisConfig): boolean {
  return tls !== undefined || urls[0]!.startsWith('rediss:')
}

function redisOf(config: RedisConfig, env: Environment, given: RedisOptions = {}): Redis {
  const [url] = config.urls as [string]
  const { hostname } = new URL(url)
  return new Redis(url, {
    ...optionsOf(env),
    ...given,
    ...(isSecure(config) && { tls: { ...serverName(hostname), ...config.tls }, Connector: TlsConnector }),
  })
}

/** For servers that tell by the name who is meant, as hosted ones do behind one address. An address is no name. */
function serverName(host: string): { servername?: string } {
  return isIP(host.replace(/^\[|\]$/g, '')) === 0 ? { servername: host } : {}
}

function clusterOf(config: RedisConfig, env: Environment): Cluster {
  const { urls, tls } = config
  const parsed = urls.map(url => new URL(url))
  const [first] = parsed as [URL]
  const options: ClusterOptions = {
    enableOfflineQueue: false,
    // The same here: no second try for what a lost node did not answer.
    retryDelayOnFailover: 0,
    clusterRetryStrategy: attempt => pauseMs(attempt, env),
    // Certificates are for names: a node's must still be known when its certificate is checked.
    ...(isSecure(config) && { dnsLookup: (name: string, found: FoundName) => found(null, name) }),
    redisOptions: {
      commandTimeout: COMMAND_MS,
      connectTimeout: CONNECT_WAIT_MS,
      ...(first.username && { username: decodeURIComponent(first.username) }),
      ...(first.password && { password: decodeURIComponent(first.password) }),
      ...(isSecure(config) && { tls: { ...tls }, Connector: TlsConnector }),
    },
  }
  const nodes = parsed.map(({ hostname, port }) => ({ host: hostname, port: Number(port || 6379) }))
  return new Cluster(nodes, options)
}

type FoundName = (error: null, address: string) => void

function optionsOf(env: Environment): RedisOptions {
  return {
    enableOfflineQueue: false,
    // What is unanswered when the connection breaks fails there and then.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_MS,
    connectTimeout: CONNECT_WAIT_MS,
    retryStrategy: attempt => pauseMs(attempt, env),
    // After a failover the old master is a replica: only a new connection finds the new one.
    reconnectOnError: error => error.message.startsWith('READONLY'),
  }
}

function pauseMs(attempt: number, { random }: Environment): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10)) * (0.5 + random() / 2)
}

function withScripts(client: Redis | Cluster): RedisClient {
  client.defineCommand('syncCommit', { lua: COMMIT })
  client.defineCommand('syncAcquire', { lua: ACQUIRE, numberOfKeys: 1 })
  client.defineCommand('syncRenew', { lua: RENEW, numberOfKeys: 1 })
  client.defineCommand('syncTake', { lua: TAKE, numberOfKeys: 1 })
  client.defineCommand('syncBlock', { lua: BLOCK, numberOfKeys: 1 })
  client.defineCommand('syncInspect', { lua: INSPECT, numberOfKeys: 1 })
  return client as RedisClient
}
