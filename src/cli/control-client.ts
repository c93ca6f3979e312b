import { once } from 'node:events'
import { type IncomingMessage, request as startRequest } from 'node:http'
import type { Clock } from '../environment.ts'
import { type ErrorKind, SyncError } from '../errors.ts'
import type { DaemonOperations } from '../runtime/operations.ts'
import { type ControlAddress, HELLO, readControlFile } from '../server/control-file.ts'

const HELLO_MS = 5000

/**
 * The operations of the daemon that wrote `control.json` in the folder; undefined when none runs there.
 * @throws SyncError retryable `CONTROL_LOST` when it is there and does not answer.
 */
export async function connectControl(folder: string, clock: Clock): Promise<DaemonOperations | undefined> {
  const address = readControlFile(folder)
  if (!address) return undefined
  const client = new ControlClient(address)
  return (await client.answers(clock)) ? client.operations() : undefined
}

class ControlClient {
  readonly #address: ControlAddress

  constructor(address: ControlAddress) {
    this.#address = address
  }

  /** A file left behind by a kill leads to a closed port, or to one that somebody else has now. */
  async answers(clock: Clock): Promise<boolean> {
    const late = new AbortController()
    const cancel = clock.after(HELLO_MS, () => late.abort())
    try {
      const response = await this.#send('hello', {}, late.signal)
      return response.statusCode === 200 && parsed(await this.#body(response), 'hello').value === HELLO
    } catch (cause) {
      if (!late.signal.aborted) return false
      throw lost(`process ${this.#address.pid} does not answer on its control port ${this.#address.url}`, cause)
    } finally {
      cancel()
    }
  }

  operations(): DaemonOperations {
    const value = <T>(name: keyof DaemonOperations, query: object = {}) => this.#value(name, query) as Promise<T>
    const stream = <T>(name: keyof DaemonOperations, query: object, signal: AbortSignal) =>
      this.#stream(name, query, signal) as AsyncIterable<T>
    return {
      reload: () => value('reload'),
      pollNow: query => value('pollNow', query),
      status: () => value('status'),
      topics: () => value('topics'),
      listEvents: query => value('listEvents', query),
      showEvent: query => value('showEvent', query),
      tailEvents: (query, signal) => stream('tailEvents', query, signal),
      pauseFlow: query => value('pauseFlow', query),
      resumeFlow: query => value('resumeFlow', query),
      listDeadLetters: query => value('listDeadLetters', query),
      redriveDeadLetters: query => value('redriveDeadLetters', query),
      discardDeadLetters: query => value('discardDeadLetters', query),
      trigger: query => value('trigger', query),
      triggerList: query => value('triggerList', query),
      triggerReport: query => value('triggerReport', query),
      replay: (query, signal) => stream('replay', query, signal),
      listConflicts: query => value('listConflicts', query),
      listLinks: (query, signal) => stream('listLinks', query, signal),
      showLink: query => value('showLink', query),
      resolveConflict: query => value('resolveConflict', query),
      passGuard: query => value('passGuard', query),
      reconcile: (query, signal) => stream('reconcile', query, signal),
      why: query => value('why', query),
      whyNot: query => value('whyNot', query),
    }
  }

  async #value(name: keyof DaemonOperations, query: object): Promise<unknown> {
    const body = await this.#body(await this.#started(name, query))
    const answer = parsed(body, name)
    if (answer.error) throw errorFrom(answer.error)
    return answer.value
  }

  /** Ends quietly when the signal is aborted, as the operation itself does. */
  async *#stream(name: keyof DaemonOperations, query: object, signal: AbortSignal): AsyncIterable<unknown> {
    try {
      const response = await this.#started(name, query, signal)
      if (response.statusCode !== 200) throw errorFrom(parsed(await this.#body(response), name).error)
      for await (const line of linesOf(response)) {
        const answer = parsed(line, name)
        if (answer.end) return
        if (answer.error) throw errorFrom(answer.error)
        yield answer.item
      }
      if (!signal.aborted) throw lost(`the daemon went away in the middle of \`${name}\``)
    } catch (thrown) {
      if (signal.aborted) return
      throw thrown instanceof SyncError ? thrown : lost(`the daemon went away in the middle of \`${name}\``, thrown)
    }
  }

  async #started(name: keyof DaemonOperations, query: object, signal?: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.#send(name, query, signal)
    } catch (cause) {
      if (signal?.aborted) throw cause
      throw lost(`the daemon (process ${this.#address.pid}) does not take \`${name}\``, cause)
    }
  }

  async #send(name: string, query: object, signal?: AbortSignal): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${this.#address.token}`, 'content-type': 'application/json' }
    const request = startRequest(`${this.#address.url}/control/${name}`, {
      method: 'POST',
      headers,
      agent: false,
      signal,
    })
    request.end(JSON.stringify(query))
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    // After the answer has begun, a failure shows itself on the response.
    request.on('error', () => {})
    return response
  }

  async #body(response: IncomingMessage): Promise<string> {
    try {
      return Buffer.concat(await response.toArray()).toString('utf8')
    } catch (cause) {
      throw lost('the daemon went away before its answer was complete', cause)
    }
  }
}

async function* linesOf(response: IncomingMessage): AsyncIterable<string> {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== '') yield rest
}

interface Line {
  readonly value?: unknown
  readonly item?: unknown
  readonly end?: true
  readonly error?: unknown
}

function parsed(text: string, name: string): Line {
  try {
    return JSON.parse(text) as Line
  } catch (cause) {
    throw lost(`the daemon's answer to \`${name}\` is cut off`, cause)
  }
}

function errorFrom(raw: unknown): SyncError {
  const { kind, code, message, details } = (raw ?? {}) as { kind?: ErrorKind; [name: string]: unknown }
  return new SyncError(kind ?? 'retryable', String(code ?? 'UNCLASSIFIED'), String(message ?? 'no reason given'), {
    details,
  })
}

function lost(message: string, cause?: unknown): SyncError {
  return new SyncError('retryable', 'CONTROL_LOST', `${message}; look whether it still runs`, { cause })
}
