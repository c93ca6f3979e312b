import type { Static } from '@sinclair/typebox'
import type { EmailSystemConfig } from '../../clients/smtp/config.ts'
import { smtpOptions } from '../../clients/smtp/options.ts'
import { SmtpPool } from '../../clients/smtp/pool.ts'
import type { Receipt } from '../../clients/smtp/session.ts'
import { durationMs, type SystemContext } from '../../config/definition.ts'
import type { Clock } from '../../environment.ts'
import { composed } from './compose.ts'
import type { Mail } from './mail.ts'

/** Takes mails that are written and gives them away. */
export interface Post {
  /** @throws SyncError as `SmtpPool.send`. */
  send(mail: Mail, signal: AbortSignal): Promise<Receipt>
  /** @throws SyncError as `SmtpPool.check`. */
  check(signal: AbortSignal): Promise<void>
  close(): void
}

/** A mail server. */
export class SmtpPost implements Post {
  readonly #clock: Clock
  readonly #pool: SmtpPool

  constructor(
    { url, ca, insecure, pool, timeout = '5m' }: Static<typeof EmailSystemConfig>,
    { name, env }: Pick<SystemContext, 'name' | 'env'>,
  ) {
    this.#clock = env.clock
    this.#pool = new SmtpPool({
      ...smtpOptions(name, url, {
        timeoutMs: durationMs(timeout),
        ...(ca !== undefined && { ca }),
        ...(insecure !== undefined && { insecure }),
      }),
      clock: env.clock,
      mailsPerConnection: pool?.mailsPerConnection ?? 100,
      idleMs: durationMs(pool?.idle ?? '30s'),
    })
  }

  async send(mail: Mail, signal: AbortSignal): Promise<Receipt> {
    const content = await composed(mail, new Date(this.#clock.now()))
    const to = [...mail.to, ...mail.cc, ...mail.bcc].map(({ address }) => address)
    return this.#pool.send({ from: mail.from.address, to }, content, signal)
  }

  check(signal: AbortSignal): Promise<void> {
    return this.#pool.check(signal)
  }

  close(): void {
    this.#pool.close()
  }
}
