import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Received } from '../connectors/connector.ts'
import type { Environment } from '../environment.ts'
import { asSyncError } from '../errors.ts'
import type { ChangeEvent } from '../event.ts'
import { type Answer, answerOf, errorAnswer, laterAnswer, send } from './answer.ts'
import { corsHeaders, foreignOrigin, isForeign, preflight } from './cors.ts'
import { defectAnswer } from './defect.ts'
import { Incoming, type Target, targetOf } from './incoming.ts'
import type { Admission } from './limits.ts'
import type { ServerMetrics } from './metrics.ts'
import { type BodyFailure, readBody } from './read-body.ts'
import { type Intake, OWN_PATHS } from './routes.ts'

/** P1: resolves once the events are durable. */
export type Append = (connector: string, events: readonly ChangeEvent[]) => Promise<void>

export interface IntakeOptions {
  readonly append: Append
  readonly env: Pick<Environment, 'clock' | 'uuid' | 'logger'>
  readonly admission: Admission
  readonly metrics: ServerMetrics
}

/** A sender that is answered before its body was read gets this long to notice before the connection is cut. */
const LINGER_MS = 2000

/** Takes requests for connectors, from the first byte to the answer. */
export class IntakeHandler {
  readonly #options: IntakeOptions
  #intakes: ReadonlyMap<string, Intake>
  /** Set when the server closes: connections are not kept after their answer. */
  draining = false

  constructor(options: IntakeOptions, intakes: ReadonlyMap<string, Intake>) {
    this.#options = options
    this.#intakes = intakes
  }

  /** From the next request on. Requests that were begun end with the connector that they began with. */
  swap(intakes: ReadonlyMap<string, Intake>): void {
    this.#intakes = intakes
  }

  /**
   * Takes a request for a connector's path before any router sees it: connectors verify the very bytes under limits of
   * their own, and the router was a tenth of the whole request. False: it is for somebody else.
   */
  take(message: IncomingMessage, response: ServerResponse): boolean {
    const target = targetOf(message.url!)
    const intake = this.#intakes.get(target.path)
    if (!intake) return false
    this.#begin(intake, message, response, target)
    return true
  }

  handle(message: IncomingMessage, response: ServerResponse): void {
    if (this.take(message, response)) return
    this.#answerEarly(message, response, undefined, unknownPath(targetOf(message.url!).path))
  }

  #begin(intake: Intake, message: IncomingMessage, response: ServerResponse, target: Target): void {
    const early = this.#refusal(intake, message)
    if (early) this.#answerEarly(message, response, intake, early)
    else this.#read(intake, message, response, target)
  }

  #read(intake: Intake, message: IncomingMessage, response: ServerResponse, target: Target): void {
    const { admission } = this.#options
    readBody(message, intake.route.bodyLimitBytes, admission, (outcome, taken) => {
      if (Buffer.isBuffer(outcome)) {
        void this.#process(intake, message, response, target, outcome).finally(() => admission.giveBytes(taken))
        return
      }
      admission.giveBytes(taken)
      if (outcome !== 'aborted') this.#answerEarly(message, response, intake, bodyFailure(outcome, intake))
    })
  }

  /** What can be said without the body. */
  #refusal({ route }: Intake, message: IncomingMessage): Answer | undefined {
    const method = message.method!
    if (!route.methods.includes(method)) {
      if (method === 'OPTIONS' && route.cors) return preflight(route, message)
      return wrongMethod(route.cors ? [...route.methods, 'OPTIONS'] : route.methods)
    }
    if (isForeign(route, message)) return foreignOrigin()
    const encoding = message.headers['content-encoding']
    // Compressed bodies are not taken: a few bytes could become gigabytes.
    if (encoding !== undefined && encoding !== 'identity') {
      return errorAnswer(415, 'UNSUPPORTED_ENCODING', 'send the body uncompressed')
    }
    return this.#options.admission.full ? overloaded() : undefined
  }

  async #process(
    intake: Intake,
    message: IncomingMessage,
    response: ServerResponse,
    target: Target,
    body: Buffer,
  ): Promise<void> {
    const { admission, env } = this.#options
    if (admission.full) return this.#answer(intake, message, response, overloaded())
    admission.enter()
    try {
      const request = new Incoming(message, target, body, env.clock.now())
      const received = await intake.receive(request)
      if (received.events.length > 0) await this.#append(intake.name, received.events)
      received.appended?.()
      if (received.dropped !== undefined) this.#options.metrics.dropped(intake.name, received.dropped)
      // P1: nothing before this line has answered.
      this.#answer(intake, message, response, successOf(received))
    } catch (error) {
      this.#answer(intake, message, response, this.#failure(intake, error))
    } finally {
      admission.leave()
    }
  }

  async #append(connector: string, events: readonly ChangeEvent[]): Promise<void> {
    const { append, env, metrics } = this.#options
    const before = env.clock.elapsed()
    await append(connector, events)
    metrics.appended((env.clock.elapsed() - before) / 1000)
    metrics.received(connector, events.length)
  }

  #failure(intake: Intake, thrown: unknown): Answer {
    const answer = answerOf(thrown)
    if (answer) {
      if (answer.status < 500) this.#options.metrics.refused(intake.name, reasonOf(thrown))
      return answer
    }
    return defectAnswer(this.#options.env, { connector: intake.name }, thrown)
  }

  #answerEarly(message: IncomingMessage, response: ServerResponse, intake: Intake | undefined, answer: Answer): void {
    if (intake && answer.status >= 400 && answer.status < 500)
      this.#options.metrics.refused(intake.name, codeOf(answer))
    this.#answer(intake, message, response, answer)
    if (message.complete) return
    // The rest is read and thrown away, so that the sender gets to see the answer; but not for ever.
    message.resume()
    const cancel = this.#options.env.clock.after(LINGER_MS, () => message.destroy(), { background: true })
    message.once('close', cancel)
  }

  #answer(intake: Intake | undefined, message: IncomingMessage, response: ServerResponse, answer: Answer): void {
    this.#options.metrics.answered(intake?.name ?? 'unknown', answer.status)
    const cors = intake && corsHeaders(intake.route, message)
    send(response, answer, this.draining ? { ...cors, connection: 'close' } : cors)
  }
}

function successOf(received: Received): Answer {
  return received.response ?? { status: 202, body: { accepted: received.events.length } }
}

function unknownPath(path: string): Answer {
  const method = OWN_PATHS.get(path)
  return method ? wrongMethod([method]) : errorAnswer(404, 'NOT_FOUND', 'no connector listens at this path')
}

function wrongMethod(methods: readonly string[]): Answer {
  return errorAnswer(405, 'METHOD_NOT_ALLOWED', `this address takes ${methods.join(', ')}`, {
    allow: methods.join(', '),
  })
}

function bodyFailure(failure: Exclude<BodyFailure, 'aborted'>, { route }: Intake): Answer {
  if (failure === 'overloaded') return overloaded()
  return errorAnswer(413, 'BODY_TOO_LARGE', `this address takes bodies of at most ${route.bodyLimitBytes} bytes`)
}

function overloaded(): Answer {
  return laterAnswer(503, 'OVERLOADED', 'too many requests are being worked on; send again later', 1000)
}

function codeOf(answer: Answer): string {
  return (answer.body as { error: { code: string } }).error.code
}

/** Finer than what the sender is told, where a verifier says so. */
function reasonOf(thrown: unknown): string {
  const { code, details } = asSyncError(thrown)
  const reason = typeof details === 'object' && details !== null && 'reason' in details ? details.reason : undefined
  return typeof reason === 'string' ? `${code}:${reason}` : code
}
