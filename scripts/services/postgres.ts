import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runContainer } from './docker.ts'
import { firstOf, NotAvailable, run, which } from './look-up.ts'
import { accepts, freePorts } from './ports.ts'
import { startPostgresServer } from './postgres-server.ts'

export interface PostgresService {
  /** Of a role that may create databases. */
  readonly url: string
  readonly kind: 'external' | 'machine' | 'apt' | 'docker'
  /** For a person: what was found, and where. */
  readonly found: string
  /** Same port, same data; `hard`: kill -9. Only where the server is ours. */
  restart(options?: { hard?: boolean }): Promise<void>
  /** Ends only what was started here. Idempotent. */
  stop(): Promise<void>
}

/** The command that makes the missing thing available, shown where a suite was not run. */
export const POSTGRES_HINT =
  'POSTGRES_URL=postgres://user:password@host/db npm test   (or install postgresql: it then starts by itself)'

/**
 * A Postgres for tests: the one that POSTGRES_URL names, else the machine's programs on a free port, else Debian's
 * package (as root, announced), else Docker. Started ones end with this process.
 * @param options.own never the external one: for tests that stop the server.
 * @throws NotAvailable with the reason for each way that is not open.
 */
export function startPostgres(options: { own?: boolean } = {}): Promise<PostgresService> {
  const named = process.env.POSTGRES_URL
  if (named && !options.own) return external(named)
  return firstOf<PostgresService>('Postgres', [
    ['postgres', async () => started(await programsOr('initdb and postgres are not on this machine'), 'machine')],
    ['apt', async () => started(await installFromDebian(), 'apt')],
    ['Docker', inDocker],
  ])
}

/** The folder that has `initdb` and `postgres`. Debian keeps them off the PATH. */
export async function postgresPrograms(): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql'
  const versions = await readdir(debian).catch((): string[] => [])
  const newest = versions.filter(name => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a))
  const onPath = await which('initdb')
  const folders = [...(onPath ? [dirname(onPath)] : []), ...newest.map(version => join(debian, version, 'bin'))]
  for (const folder of folders) {
    const programs = await readdir(folder).catch((): string[] => [])
    if (programs.includes('initdb') && programs.includes('postgres')) return folder
  }
  return undefined
}

async function programsOr(reason: string): Promise<string> {
  const programs = await postgresPrograms()
  if (!programs) throw new NotAvailable(reason)
  return programs
}

async function external(url: string): Promise<PostgresService> {
  const { hostname, port } = new URL(url)
  const place = `${hostname}:${port || 5432}`
  if (!(await accepts(hostname, Number(port || 5432), 10_000))) {
    throw new NotAvailable(`POSTGRES_URL names ${place}, and nothing answers there`)
  }
  return { url, kind: 'external', found: `Postgres at ${place}`, restart: notOurs, stop: async () => {} }
}

async function notOurs(): Promise<void> {
  throw new NotAvailable('this Postgres was not started here, so it is not restarted here')
}

async function started(programs: string, kind: 'machine' | 'apt'): Promise<PostgresService> {
  const server = await startPostgresServer(programs)
  const version = (await run(join(programs, 'postgres'), ['--version'])).output.trim()
  return { ...server, kind, found: `${version}, started on port ${new URL(server.url).port}` }
}

/** Installs without starting or enabling the service. */
async function installFromDebian(): Promise<string> {
  if (process.getuid?.() !== 0) throw new NotAvailable('installing postgresql needs root')
  if (!(await which('apt-get'))) throw new NotAvailable('this machine has no apt-get')
  process.stderr.write('installing postgresql with apt-get, because no Postgres was found\n')
  const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } }
  await run('apt-get', ['update'], quiet)
  const install = ['install', '-y', '--no-install-recommends', 'postgresql']
  const ran = await run('apt-get', install, { ...quiet, silenceMs: 60_000 })
  if (ran.status !== 0) throw new NotAvailable(`apt-get install postgresql: ${ran.output.slice(-300)}`)
  await run('systemctl', ['disable', '--now', 'postgresql'])
  return programsOr('apt-get installed postgresql, but initdb and postgres are not where Debian has them')
}

async function inDocker(): Promise<PostgresService> {
  const [port] = (await freePorts(1)) as [number]
  const container = await runContainer('postgres:17-alpine', port, 5432, ['POSTGRES_PASSWORD=twenty-sync'])
  return {
    url: `postgres://postgres:twenty-sync@127.0.0.1:${port}/postgres`,
    kind: 'docker',
    found: `postgres:17-alpine in Docker, on port ${port}`,
    restart: options => container.restart(options?.hard ?? false),
    stop: container.stop,
  }
}
