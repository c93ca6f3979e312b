import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { parseJson } from '../json.ts'
import type { DaemonOperations } from '../runtime/operations.ts'
import { errorAnswer, send } from './answer.ts'
import { CONTROL_CALLS, type ControlCall } from './control-calls.ts'
import { HELLO, removeControlFile, writeControlFile } from './control-file.ts'

const BODY_LIMIT_BYTES = 16 * 1024 * 1024
const REQUEST_TIMEOUT_MS = 30_000
const CLOSE_MS = 5000

const GREETING: ControlCall = { answer: 'value', run: async () => HELLO }

export interface ControlOptions {
  /** Asked for each call: a reload exchanges them. They are expected to redact (P9). */
  readonly operations: () => DaemonOperations
  /** Where `control.json` is written. */
  readonly folder: string
  readonly pid: number
  readonly env: Pick<Environment, 'uuid' | 'logger' | 'clock'>
}

export interface Control {
  readonly url: string
  /** Takes no further call, ends the streams, waits for what runs within the deadline (5 s). Idempotent. */
  close(): Promise<void>
}

/**
 * The daemon's ear for its own command line: `POST /control/<operation>`, JSON in, JSON or NDJSON out, on a port of the
 * loopback interface that only who can read `control.json` may use.
 * @throws SyncError fatal `CANNOT_LISTEN`, or what writing the file throws.
 */
export async function startControl(options: ControlOptions): Promise<Control> {
  // Two v4 ids are 244 random bits from the one place that randomness comes from.
  const token = `${options.env.uuid()}${options.env.uuid()}`.replaceAll('-', '')
  const channel = new ControlChannel(options, token)
  const url = await channel.listen()
  try {
    writeControlFile(options.folder, { url, token, pid: options.pid })
  } catch (thrown) {
    await channel.close()
    throw thrown
  }
  let closed: Promise<void> | undefined
  return {
    url,
    close() {
      closed ??= channel.close().finally(() => removeControlFile(options.folder, token))
      return closed
    },
  }
}

class ControlChannel {
  readonly #options: ControlOptions
  readonly #tokenHash: Buffer
  readonly #server: Server
  readonly #ending = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #hosts = new Set<string>()

  constructor(options: ControlOptions, token: string) {
    this.#options = options
    this.#tokenHash = sha256(`Bearer ${token}`)
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const done = this.#serve(request, response)
        .catch(thrown => this.#options.env.logger.error({ err: thrown }, 'a control call failed'))
        .finally(() => this.#running.delete(done))
      this.#running.add(done)
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      throw new SyncError('fatal', 'CANNOT_LISTEN', 'cannot open the control port on 127.0.0.1', { cause })
    }
    const { port } = this.#server.address() as AddressInfo
    this.#hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`])
    return `http://127.0.0.1:${port}`
  }

  async close(): Promise<void> {
    this.#ending.abort(new SyncError('retryable', 'STOPPING', 'the daemon is stopping'))
    const closed = new Promise(resolve => this.#server.close(resolve))
    this.#server.closeIdleConnections()
    const cancel = this.#options.env.clock.after(CLOSE_MS, () => this.#server.closeAllConnections())
    await Promise.allSettled(this.#running)
    this.#server.closeIdleConnections()
    await closed
    cancel()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = this.#admit(request, response)
    if (!call) return
    const gone = new AbortController()
    response.on('close', () => {
      if (!response.writableFinished) gone.abort(new SyncError('retryable', 'ABORTED', 'the caller went away'))
    })
    const signal = AbortSignal.any([gone.signal, this.#ending.signal])
    try {
      const query = parseJson(await bodyOf(request))
      const answer = call.run(this.#options.operations(), query, signal)
      if (call.answer === 'value') send(response, { status: 200, body: { value: await (answer as Promise<unknown>) } })
      else await this.#stream(answer as AsyncIterable<unknown>, response, signal)
    } catch (thrown) {
      this.#fail(response, thrown)
    }
  }

  /** The call that is asked for, once it is clear who asks. A page in a browser cannot: other host, no token. */
  #admit(request: IncomingMessage, response: ServerResponse): ControlCall | undefined {
    const refuse = (status: number, code: string, message: string) => {
      request.resume()
      send(response, errorAnswer(status, code, message, { connection: 'close' }))
    }
    if (!this.#hosts.has(request.headers.host ?? '') || request.headers.origin !== undefined) {
      return void refuse(403, 'WRONG_HOST', 'this port is for the command line on this machine')
    }
    if (!timingSafeEqual(sha256(request.headers.authorization ?? ''), this.#tokenHash)) {
      return void refuse(401, 'UNAUTHORIZED', 'the token is that of control.json')
    }
    const name = /^\/control\/([A-Za-z]+)$/.exec(request.url ?? '')?.[1] ?? ''
    if (request.method === 'POST' && name === 'hello') return GREETING
    if (request.method !== 'POST' || !Object.hasOwn(CONTROL_CALLS, name)) {
      return void refuse(404, 'NO_SUCH_OPERATION', `there is ${Object.keys(CONTROL_CALLS).join(', ')}`)
    }
    return CONTROL_CALLS[name as keyof DaemonOperations]
  }

  /** One line per item; the last line says how it ended, so that a cut connection is never taken for the end. */
  async #stream(items: AsyncIterable<unknown>, response: ServerResponse, signal: AbortSignal): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    response.flushHeaders()
    for await (const item of items) {
      if (!response.write(`${JSON.stringify({ item })}\n`)) await drained(response)
      if (response.destroyed) return
    }
    if (this.#ending.signal.aborted) throw signal.reason
    response.end(`${JSON.stringify({ end: true })}\n`)
  }

  #fail(response: ServerResponse, thrown: unknown): void {
    const { kind, code, message, details, status } = asSyncError(thrown)
    if (code === 'UNCLASSIFIED') this.#options.env.logger.error({ err: thrown }, 'a control call failed')
    const error = { kind, code, message, ...(details !== undefined && { details }) }
    if (response.headersSent) response.end(`${JSON.stringify({ error })}\n`)
    else send(response, { status: status ?? (kind === 'rejected' ? 422 : 500), body: { error } })
  }
}

/** Until the reader took what waits, or went away. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
    if (response.destroyed) done()
  })
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_LIMIT_BYTES) {
      throw new SyncError('rejected', 'TOO_LARGE', `a control call is at most ${BODY_LIMIT_BYTES} bytes`, {
        status: 413,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
