import type { Static } from '@sinclair/typebox'
import { CircuitBreaker } from '../../clients/circuit-breaker.ts'
import type { DigestEntry, MailDigests } from '../../clients/mail-digest.ts'
import { Pace } from '../../clients/pace.ts'
import { rateLimiterOf } from '../../clients/rate-limiter.ts'
import type { EmailSystemConfig } from '../../clients/smtp/config.ts'
import type { Receipt } from '../../clients/smtp/session.ts'
import type { SystemContext } from '../../config/definition.ts'
import type { Environment } from '../../environment.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { ActionUse, Delivery, Item, Plan, Sink } from '../sink.ts'
import { addressesOf, addressOf } from './address.ts'
import { digestOf, isDigest } from './digest.ts'
import { type Mail, MailWriter } from './mail.ts'
import { type Post, SmtpPost } from './post.ts'
import type { TemplateArgs } from './template.ts'

type Config = Static<typeof EmailSystemConfig>

const DEFAULT_CONNECTIONS = 3
const DEFAULT_RECIPIENTS = 50

/** Sends mails. A plan is the whole mail as it will read; nothing can be looked up at a mail server. */
export class EmailSink implements Sink {
  readonly #name: string
  readonly #env: Environment
  readonly #writer: MailWriter
  readonly #digests: MailDigests
  readonly #post: Post
  readonly #breaker: CircuitBreaker
  readonly #pace: Pace

  /**
   * @param digests where mails wait that leave together.
   * @param post Default: the mail server of the config.
   */
  constructor(
    config: Config,
    digests: MailDigests,
    context: Pick<SystemContext, 'name' | 'env' | 'coordinator'>,
    post: Post = new SmtpPost(config, context),
  ) {
    const { name, env, coordinator } = context
    const { clock, random } = env
    const { pool, limits } = config
    this.#name = name
    this.#env = env
    this.#digests = digests
    this.#writer = new MailWriter({
      from: addressOf(config.from, 'from'),
      replyTo: addressesOf(config.replyTo, 'replyTo'),
      maxRecipients: limits?.recipients ?? DEFAULT_RECIPIENTS,
    })
    this.#post = post
    this.#breaker = new CircuitBreaker({ name, clock })
    this.#pace = new Pace({
      system: name,
      clock,
      concurrency: pool?.connections ?? DEFAULT_CONNECTIONS,
      limiter: rateLimiterOf(limits, { name, coordinator, clock, random }),
    })
  }

  async plan(items: readonly Item[]): Promise<(Plan | SyncError)[]> {
    return items.map(item => {
      try {
        return isDigest(item) ? this.#digestPlan(item) : planOf(item, this.#writer.write(asMail(item)))
      } catch (thrown) {
        return asSyncError(thrown)
      }
    })
  }

  deliver(plans: readonly Plan[], signal: AbortSignal): Promise<Delivery[]> {
    return Promise.all(plans.map(plan => this.#deliver(plan, signal)))
  }

  /** Templates are read here once, so that what was checked is what is sent. */
  async verify(uses: readonly ActionUse[], signal: AbortSignal): Promise<void> {
    for (const { action, args, problem } of uses) {
      if (action !== 'send') continue
      try {
        this.#writer.templateOf(args as TemplateArgs)
      } catch (thrown) {
        problem(['template'], asSyncError(thrown).message)
      }
    }
    await this.#post.check(signal)
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#post.check(signal)
  }

  async close(): Promise<void> {
    this.#post.close()
  }

  #digestPlan(item: Item): Plan {
    // What would fail when the mail leaves fails now, with the event that is to blame.
    this.#writer.people(item.args)
    const entry = digestOf(item, this.#env.clock.now())
    const { mail, item: told, dueAt } = entry
    const after = { to: mail.to, item: told, leavesBy: new Date(dueAt).toISOString() }
    return { item, operation: 'send', after, private: entry }
  }

  async #deliver(plan: Plan, signal: AbortSignal): Promise<Delivery> {
    try {
      if (isDigest(plan.item)) {
        await this.#digests.add(plan.private as DigestEntry)
        return { status: 'delivered', ref: { object: 'digest', id: plan.item.id }, result: { digest: true } }
      }
      const mail = plan.private as Mail
      const receipt = await this.#send(mail, plan.item, signal)
      if (receipt.refused.length > 0) {
        const { refused } = receipt
        const message = `${this.#name} sent a mail, and the server refused ${refused.length} of its recipients`
        this.#env.logger.warn({ system: this.#name, messageId: mail.messageId, refused }, message)
      }
      const result = { messageId: mail.messageId, to: receipt.accepted, refused: receipt.refused }
      return { status: 'delivered', ref: { object: 'mail', id: mail.messageId }, result }
    } catch (thrown) {
      return { status: 'failed', error: asSyncError(thrown) }
    }
  }

  async #send(mail: Mail, { priority }: Item, signal: AbortSignal): Promise<Receipt> {
    const sent = await this.#pace.run(priority, signal, () =>
      this.#breaker.run(async () => {
        try {
          return await this.#post.send(mail, signal)
        } catch (thrown) {
          // An answer to one mail: the server is well.
          if (thrown instanceof SyncError && thrown.code === 'MAIL_DEFERRED' && thrown.status !== 421) return thrown
          throw thrown
        }
      }),
    )
    if (sent instanceof SyncError) throw sent
    this.#pace.accepted()
    return sent
  }
}

/** What a closed window holds, as if a step had said it. */
function asMail(item: Item): Item {
  if (item.action !== 'send-digest') return item
  const { mail, ...names } = (item.scope?.data ?? {}) as { mail?: Fields }
  return { ...item, id: item.id, args: mail ?? {}, scope: names }
}

function planOf(item: Item, mail: Mail): Plan {
  const { from, to, cc, bcc, subject, text } = mail
  const shown = (people: Mail['to']) =>
    people.map(({ name, address }) => (name === '' ? address : `${name} <${address}>`))
  return {
    item,
    operation: 'send',
    after: {
      from: shown([from])[0],
      to: shown(to),
      ...(cc.length > 0 && { cc: shown(cc) }),
      ...(bcc.length > 0 && { bcc: shown(bcc) }),
      subject,
      text,
    },
    private: mail,
  }
}
