import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFolder, type GuardedProcess, startGuarded, untilListening } from './guarded-process.ts'
import { NotAvailable, run, which } from './look-up.ts'
import { freePorts } from './ports.ts'

export interface StartedPostgres {
  readonly url: string
  restart(options?: { hard?: boolean }): Promise<void>
  stop(): Promise<void>
}

interface Account {
  readonly uid: number
  readonly gid: number
}

const PASSWORD = 'twenty-sync'

/** Postgres from this folder of programs, on a free loopback port with a fresh cluster in a temporary folder. */
export async function startPostgresServer(programs: string): Promise<StartedPostgres> {
  const folder = await dataFolder('postgres')
  const [port] = (await freePorts(1)) as [number]
  const data = join(folder.path, 'data')
  const account = await otherThanRoot()
  let server: GuardedProcess | undefined
  const start = async () => {
    const [command, args] = as(account, join(programs, 'postgres'), ['-D', data, ...settings(port)])
    server = startGuarded(command, args, { dataFolder: folder.path })
    await untilListening(port, server, 30_000)
  }
  const stop = async () => {
    if (server) await end(server, data, 'SIGINT')
    await folder.remove()
  }
  try {
    await initialise(programs, folder.path, data, account)
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`,
    restart: async (options = {}) => {
      await end(server!, data, options.hard ? 'SIGKILL' : 'SIGINT')
      await start()
    },
    stop,
  }
}

function settings(port: number): string[] {
  const all = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Its processes are killed in tests, the machine is not.
    fsync: 'off',
    max_connections: 100,
    lc_messages: 'C',
    // It would open transactions of its own at any time.
    autovacuum: 'off',
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function initialise(programs: string, folder: string, data: string, account: Account | undefined): Promise<void> {
  const passwordFile = join(folder, 'password')
  await mkdir(data)
  await writeFile(passwordFile, PASSWORD)
  if (account) for (const path of [folder, data, passwordFile]) await chown(path, account.uid, account.gid)
  const options = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--no-sync']
  const [command, args] = as(account, join(programs, 'initdb'), [
    '-D',
    data,
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    ...options,
  ])
  const ran = await run(command, args, { cwd: folder, silenceMs: 60_000 })
  if (ran.status !== 0) throw new NotAvailable(`initdb: ${ran.output.slice(-300)}`)
}

/** Postgres refuses to run as root. */
async function otherThanRoot(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  if (!(await which('setpriv')))
    throw new NotAvailable('Postgres refuses to run as root, and setpriv is not on the PATH')
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const found = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (!found) throw new NotAvailable('Postgres refuses to run as root, and there is no user postgres or nobody')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

function as(account: Account | undefined, program: string, args: readonly string[]): [string, string[]] {
  if (!account) return [program, [...args]]
  const { uid, gid } = account
  return ['setpriv', [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', program, ...args]]
}

/** SIGINT: sessions are broken off, the cluster is closed in order. To the server alone: SIGTERM, which the guard passes on, would wait for the sessions. */
async function end(server: GuardedProcess, data: string, signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  const pid = Number((await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0])
  if (pid > 0 && server.isRunning()) process.kill(pid, signal)
  else await server.end(0)
  const tooLate = setTimeout(() => void server.end(0), 10_000)
  await server.exited
  clearTimeout(tooLate)
}
