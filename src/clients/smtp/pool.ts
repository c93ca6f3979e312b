import type { Cancel, Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { SmtpOptions } from './options.ts'
import { type Envelope, type Receipt, SmtpSession } from './session.ts'

export interface SmtpPoolOptions extends SmtpOptions {
  readonly clock: Clock
  /** Mails that go over one connection before it is closed. */
  readonly mailsPerConnection: number
  /** How long a connection without work is kept. */
  readonly idleMs: number
}

interface Idle {
  readonly session: SmtpSession
  readonly forget: Cancel
}

/** Keeps connections for the mails that follow. How many there are at one time is the caller's to say. */
export class SmtpPool {
  readonly #options: SmtpPoolOptions
  readonly #idle: Idle[] = []
  #closed = false

  constructor(options: SmtpPoolOptions) {
    this.#options = options
  }

  /** @throws SyncError as `SmtpSession.send`. */
  async send(envelope: Envelope, mail: Buffer, signal: AbortSignal): Promise<Receipt> {
    const kept = this.#take()
    if (kept) {
      try {
        return await this.#sendOver(kept, envelope, mail, signal)
      } catch (thrown) {
        // A server ends connections that had no work for a while; this one learns of it when it speaks.
        if (!isStale(thrown)) throw thrown
      }
    }
    return this.#sendOver(await SmtpSession.open(this.#options, signal), envelope, mail, signal)
  }

  /** Address, encryption and credentials work. @throws SyncError as `SmtpSession.open`. */
  async check(signal: AbortSignal): Promise<void> {
    this.#keep(await SmtpSession.open(this.#options, signal))
  }

  close(): void {
    this.#closed = true
    for (const { session, forget } of this.#idle.splice(0)) {
      forget()
      session.close()
    }
  }

  async #sendOver(session: SmtpSession, envelope: Envelope, mail: Buffer, signal: AbortSignal): Promise<Receipt> {
    const receipt = await session.send(envelope, mail, signal)
    this.#keep(session)
    return receipt
  }

  #take(): SmtpSession | undefined {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      idle.forget()
      if (idle.session.usable) return idle.session
    }
    return undefined
  }

  #keep(session: SmtpSession): void {
    const { clock, idleMs, mailsPerConnection } = this.#options
    if (this.#closed || session.sent >= mailsPerConnection) {
      session.close()
      return
    }
    const idle: Idle = {
      session,
      forget: clock.after(
        idleMs,
        () => {
          const at = this.#idle.indexOf(idle)
          if (at >= 0) this.#idle.splice(at, 1)
          session.close()
        },
        { background: true },
      ),
    }
    this.#idle.push(idle)
  }
}

/** Lost before the mail was on its way: it can go over another connection (P3). */
function isStale(thrown: unknown): boolean {
  if (!(thrown instanceof SyncError) || thrown.outcomeUnknown) return false
  return thrown.code === 'CONNECTION_FAILED' || (thrown.code === 'MAIL_DEFERRED' && thrown.status === 421)
}
