import { createConnection, createServer } from 'node:net'
import { threadId } from 'node:worker_threads'

/** Below the ports that systems give to outgoing connections (32768 on Linux): nobody is given one of these by chance. */
const FIRST_PORT = 15_000
const PORTS = 16_000
/** Each process and thread starts in a place of its own, so that two at once do not choose the same. */
const PORTS_EACH = 50

let next = ((process.pid + threadId) * PORTS_EACH) % PORTS

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count; tries++) {
    if (tries === PORTS) throw new Error(`no free port in ${FIRST_PORT}..${FIRST_PORT + PORTS - 1}`)
    const port = FIRST_PORT + (next++ % PORTS)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

export function accepts(host: string, port: number, timeoutMs = 1_000): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ host, port })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(timeoutMs, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
