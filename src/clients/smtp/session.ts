import { Readable } from 'node:stream'
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import { SyncError } from '../../errors.ts'
import { onAbort } from '../../on-abort.ts'
import type { SmtpOptions } from './options.ts'
import { type SmtpFailure, smtpError } from './smtp-error.ts'

export interface Envelope {
  readonly from: string
  readonly to: readonly string[]
}

export interface Receipt {
  /** Recipients that the server took, and those that it refused, each with its words. */
  readonly accepted: readonly string[]
  readonly refused: readonly { readonly address: string; readonly response: string }[]
  /** Its answer to the mail, which usually names it in its queue. */
  readonly response: string
}

class GivenUp extends Error {}

const CONNECT_MS = 30_000

/**
 * One connection to a mail server, for one mail after another. nodemailer's own pool puts a mail back into its queue when
 * the connection is lost under way, which could send it twice; here the caller learns in which phase it was.
 */
export class SmtpSession {
  readonly #options: SmtpOptions
  readonly #connection: SMTPConnection
  #interrupt: ((failure: Error) => void) | undefined
  #lost: Error | undefined
  sent = 0

  private constructor(options: SmtpOptions, connection: SMTPConnection) {
    this.#options = options
    this.#connection = connection
    connection.on('error', failure => this.#end(failure))
    // What ends the connection is told first, where there is a reason.
    connection.on('end', () => queueMicrotask(() => this.#end(new Error('the connection was closed'))))
  }

  /** Connects, encrypts and logs in. @throws SyncError `CONNECTION_FAILED`, `MAIL_TLS`, `MAIL_AUTH`, `MAIL_DEFERRED`. */
  static async open(options: SmtpOptions, signal: AbortSignal): Promise<SmtpSession> {
    // Loaded by the first mail: most configs send none.
    const { default: Connection } = await import('nodemailer/lib/smtp-connection')
    const { host, port, secure, requireTls, verifyCertificate, ca, timeoutMs } = options
    const session = new SmtpSession(
      options,
      new Connection({
        host,
        port,
        secure,
        requireTLS: requireTls,
        tls: { rejectUnauthorized: verifyCertificate, ...(ca !== undefined && { ca }) },
        connectionTimeout: Math.min(CONNECT_MS, timeoutMs),
        greetingTimeout: Math.min(CONNECT_MS, timeoutMs),
        socketTimeout: timeoutMs,
        logger: false,
      }),
    )
    try {
      await session.#connect(signal)
      return session
    } catch (thrown) {
      session.#drop()
      throw session.#told(thrown, 'open', false)
    }
  }

  get usable(): boolean {
    return this.#lost === undefined && !this.#connection.destroyed
  }

  /**
   * Resolves with the server's final answer.
   * @throws SyncError: of `outcomeUnknown` only when the mail itself was on its way. The connection is closed then.
   */
  async send(envelope: Envelope, mail: Buffer, signal: AbortSignal): Promise<Receipt> {
    let begun = false
    // Read when the server has said that it takes the mail (354), and not before.
    const message = new Readable({
      read() {
        begun = true
        this.push(mail)
        this.push(null)
      },
    })
    try {
      const info = await this.#during<SMTPConnection.SentMessageInfo>(signal, done =>
        this.#connection.send({ ...envelope, to: [...envelope.to], size: mail.length }, message, done),
      )
      this.sent++
      return receiptOf(info)
    } catch (thrown) {
      this.#drop()
      throw this.#told(thrown, 'send', begun)
    }
  }

  /** Says goodbye and waits for no answer. */
  close(): void {
    if (this.usable) this.#connection.quit()
    this.#drop()
  }

  #drop(): void {
    this.#lost ??= new Error('the connection was closed')
    this.#connection.close()
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const connection = this.#connection
    await this.#during<void>(signal, done => connection.connect(done))
    const { user, password = '' } = this.#options
    if (user === undefined) return
    if (!connection.allowsAuth) {
      throw Object.assign(new Error('its url has a user, and the server offers no login'), { code: 'EAUTH' })
    }
    await this.#during<unknown>(signal, done => connection.login({ user, pass: password }, done))
  }

  #during<T>(signal: AbortSignal, run: (done: (failure?: Error | null, value?: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost) return reject(this.#lost)
      if (signal.aborted) return reject(new GivenUp())
      const deaf = onAbort(signal, () => {
        end(() => reject(new GivenUp()))
        this.#drop()
      })
      const end = (settle: () => void) => {
        deaf()
        this.#interrupt = undefined
        settle()
      }
      this.#interrupt = failure => end(() => reject(failure))
      run((failure, value) => end(() => (failure ? reject(failure) : resolve(value as T))))
    })
  }

  #end(failure: Error): void {
    this.#lost ??= failure
    this.#interrupt?.(failure)
  }

  #told(thrown: unknown, stage: 'open' | 'send', begun: boolean): SyncError {
    const { name, host, port } = this.#options
    if (thrown instanceof GivenUp) {
      const message = `${name}: given up on the way to ${host}:${port}`
      return new SyncError('retryable', 'ABORTED', message, { outcomeUnknown: begun })
    }
    return smtpError(thrown as SmtpFailure, { name, server: `${host}:${port}`, stage, begun })
  }
}

function receiptOf(info: SMTPConnection.SentMessageInfo): Receipt {
  const refused = (info.rejectedErrors ?? []) as (SmtpFailure & { recipient?: string })[]
  return {
    accepted: info.accepted.map(String),
    refused: refused.map(({ recipient = '', response = '' }) => ({ address: recipient, response })),
    response: info.response,
  }
}
