import { spawn } from 'node:child_process'
import { dockerEngine, NotAvailable, run } from './look-up.ts'
import { accepts } from './ports.ts'

export interface Container {
  restart(hard: boolean): Promise<void>
  stop(): Promise<void>
}

/** Starts a container whose port is published on loopback; a detached shell removes it when this process is gone. */
export async function runContainer(
  image: string,
  port: number,
  innerPort: number,
  environment: readonly string[],
): Promise<Container> {
  if (!(await dockerEngine())) throw new NotAvailable('no Docker engine answers')
  const variables = environment.flatMap(variable => ['-e', variable])
  const started = await run('docker', ['run', '-d', '-p', `127.0.0.1:${port}:${innerPort}`, ...variables, image])
  if (started.status !== 0) throw new NotAvailable(`docker run ${image}: ${started.output.slice(-300)}`)
  const id = started.output.trim().split('\n').at(-1) ?? ''
  // The pipe closes when this process ends, however it ends.
  const guard = spawn('sh', ['-c', `cat >/dev/null; docker rm -f ${id} >/dev/null`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as unknown as { unref?: () => void }).unref?.()
  const listening = () => untilPublished(image, port)
  await listening()
  return {
    restart: async hard => {
      await run('docker', hard ? ['kill', id] : ['stop', id], { silenceMs: 60_000 })
      await run('docker', ['start', id])
      await listening()
    },
    stop: async () => {
      await run('docker', ['rm', '-f', id], { silenceMs: 60_000 })
      guard.stdin.end()
    },
  }
}

async function untilPublished(image: string, port: number): Promise<void> {
  for (const until = Date.now() + 90_000; !(await accepts('127.0.0.1', port)); ) {
    if (Date.now() > until) throw new NotAvailable(`${image} does not answer on port ${port}`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
