import { runContainer } from './docker.ts'
import { firstOf, NotAvailable, run, which } from './look-up.ts'
import { accepts, freePorts } from './ports.ts'
import { startRedisServer } from './redis-server.ts'

export interface RedisService {
  readonly url: string
  readonly kind: 'external' | 'machine' | 'apt' | 'docker'
  /** For a person: what was found, and where. */
  readonly found: string
  /** Same port, same data (append-only file). Only where the server is ours. */
  restart(options?: { hard?: boolean }): Promise<void>
  /** Ends only what was started here. Idempotent. */
  stop(): Promise<void>
}

/** The command that makes the missing thing available, shown where a suite was not run. */
export const REDIS_HINT = 'REDIS_URL=redis://host:6379 npm test   (or install redis-server: it then starts by itself)'

/**
 * A Redis for tests and the demo: the one that REDIS_URL names, else the machine's redis-server on a free port, else
 * Debian's package (as root, announced), else Docker. Started ones end with this process.
 * @param options.own never the external one: for tests that stop the server.
 * @param options.cluster one node in cluster mode, holding all slots.
 * @throws NotAvailable with the reason for each way that is not open.
 */
export function startRedis(options: { own?: boolean; cluster?: boolean } = {}): Promise<RedisService> {
  const named = process.env.REDIS_URL
  if (named && !options.own && !options.cluster) return external(named)
  const cluster = options.cluster ?? false
  return firstOf<RedisService>('Redis', [
    ['redis-server', async () => started(await redisProgram(), 'machine', cluster)],
    ['apt', async () => started(await installFromDebian(), 'apt', cluster)],
    ['Docker', () => inDocker(cluster)],
  ])
}

async function external(url: string): Promise<RedisService> {
  const { hostname, port } = new URL(url)
  if (!(await accepts(hostname, Number(port || 6379), 10_000))) {
    throw new NotAvailable(`REDIS_URL names ${hostname}:${port || 6379}, and nothing answers there`)
  }
  const found = `Redis at ${hostname}:${port || 6379}`
  return { url, kind: 'external', found, restart: notOurs, stop: async () => {} }
}

async function notOurs(): Promise<void> {
  throw new NotAvailable('this Redis was not started here, so it is not restarted here')
}

async function started(program: string, kind: 'machine' | 'apt', cluster: boolean): Promise<RedisService> {
  const server = await startRedisServer(program, { cluster })
  const version = /v=([\d.]+)/.exec((await run(program, ['--version'])).output)?.[1]
  return {
    ...server,
    kind,
    found: `redis-server ${version}${cluster ? ' in cluster mode' : ''}, started as ${server.url}`,
  }
}

/** @throws NotAvailable with this reason. */
export async function redisProgram(reason = 'redis-server is not on the PATH'): Promise<string> {
  const path = await which('redis-server')
  if (!path) throw new NotAvailable(reason)
  return path
}

/** Installs without starting or enabling the service. */
async function installFromDebian(): Promise<string> {
  if (process.getuid?.() !== 0) throw new NotAvailable('installing redis-server needs root')
  if (!(await which('apt-get'))) throw new NotAvailable('this machine has no apt-get')
  process.stderr.write('installing redis-server with apt-get, because no Redis was found\n')
  const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } }
  await run('apt-get', ['update'], quiet)
  const install = ['install', '-y', '--no-install-recommends', 'redis-server']
  const ran = await run('apt-get', install, { ...quiet, silenceMs: 60_000 })
  if (ran.status !== 0) throw new NotAvailable(`apt-get install redis-server: ${ran.output.slice(-300)}`)
  await run('systemctl', ['disable', '--now', 'redis-server'])
  return redisProgram('apt-get installed redis-server, but it is not on the PATH')
}

async function inDocker(cluster: boolean): Promise<RedisService> {
  if (cluster) throw new NotAvailable('cluster mode is not set up in Docker')
  const [port] = (await freePorts(1)) as [number]
  const container = await runContainer('redis:7.4-alpine', port, 6379, [])
  return {
    url: `redis://127.0.0.1:${port}`,
    kind: 'docker',
    found: `redis:7.4-alpine in Docker, on port ${port}`,
    restart: options => container.restart(options?.hard ?? false),
    stop: container.stop,
  }
}
