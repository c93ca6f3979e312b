import { dataFolder, type GuardedProcess, startGuarded, untilListening } from './guarded-process.ts'
import { NotAvailable, run, which } from './look-up.ts'
import { freePorts } from './ports.ts'

export interface StartedRedis {
  readonly url: string
  restart(options?: { hard?: boolean }): Promise<void>
  stop(): Promise<void>
}

export interface RedisServerOptions {
  /** One node in cluster mode, holding all slots. */
  readonly cluster?: boolean
  /** More arguments, from the server's data folder and one more free port. */
  readonly more?: (folder: string, port: number) => Promise<readonly string[]>
}

/** The given redis-server on a free loopback port: append-only file in a temporary folder, nothing evicted. */
export async function startRedisServer(
  program: string,
  { cluster = false, more }: RedisServerOptions = {},
): Promise<StartedRedis> {
  const folder = await dataFolder('redis')
  const [port, busPort, extraPort] = (await freePorts(3)) as [number, number, number]
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder.path, '--appendonly', 'yes', '--save', '']
  const mode = cluster
    ? ['--cluster-enabled', 'yes', '--cluster-port', busPort, '--cluster-announce-ip', '127.0.0.1']
    : []
  const extra = (await more?.(folder.path, extraPort)) ?? []
  const all = [...args, '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', ...mode, ...extra].map(String)
  let server: GuardedProcess
  const start = async () => {
    server = startGuarded(program, all, { dataFolder: folder.path })
    await untilListening(port, server, 10_000)
  }
  const stop = async () => {
    await server.end(0)
    await folder.remove()
  }
  try {
    await start()
    if (cluster) await holdAllSlots(port)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    restart: async (options = {}) => {
      await server.end(options.hard ? 0 : 10_000)
      await start()
    },
    stop,
  }
}

async function holdAllSlots(port: number): Promise<void> {
  const cli = await which('redis-cli')
  if (!cli) throw new NotAvailable('redis-cli is not on the PATH, and cluster mode needs it')
  const ask = (...words: string[]) => run(cli, ['-p', String(port), ...words])
  await ask('cluster', 'addslotsrange', '0', '16383')
  for (const until = Date.now() + 10_000; ; ) {
    if ((await ask('cluster', 'info')).output.includes('cluster_state:ok')) return
    if (Date.now() > until) throw new NotAvailable('the one-node cluster does not become ready')
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
