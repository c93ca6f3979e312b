import type { MailDigests } from '../clients/mail-digest.ts'
import { EmailSystemConfig } from '../clients/smtp/config.ts'
import { type ConnectorContext, defineConnector } from '../config/definition.ts'
import { type ChangeEvent, typeOf } from '../event.ts'
import type { Connector, Page } from './connector.ts'

/** What digests of mails are collected for: each window that is over is one event, which the flow beside it sends. */
export default defineConnector({
  type: 'email',
  summary: 'Windows of `digest` that are over, one event each; the flow `<system>-digest` comes along and sends them.',
  system: 'email',
  config: EmailSystemConfig,
  examples: [
    {
      title: 'A mail system, whose steps may say `digest`',
      yaml: 'type: email\nurl: "${SMTP_URL}"\nfrom: crm@example.com\n',
    },
  ],
  objects: () => ['digest'],
  create: (_config, context) => new DigestConnector(context),
})

const POLL_MS = 5000

class DigestConnector implements Connector {
  readonly objects = ['digest']
  readonly pollEveryMs = POLL_MS
  readonly #name: string
  readonly #digests: MailDigests

  constructor({ name, client }: ConnectorContext) {
    this.#name = name
    this.#digests = client as MailDigests
  }

  /** P2: a window leaves the state when its event is in the log; until then it comes again, the same in every byte. */
  async *poll(): AsyncGenerator<Page> {
    for await (const digest of this.#digests.due()) {
      yield { events: [this.#eventOf(digest)], cursor: { last: digest.id } }
      await this.#digests.sent(digest.id)
    }
  }

  async listen(poke: () => void, signal: AbortSignal): Promise<void> {
    this.#digests.onClosed(poke)
    if (signal.aborted) return
    await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
  }

  #eventOf({ id, group, mail, items, openedAt, closedAt }: DigestOf): ChangeEvent {
    const [since, until] = [openedAt, closedAt].map(ms => new Date(ms).toISOString()) as [string, string]
    return {
      id,
      type: typeOf(this.#name, 'digest', 'closed'),
      source: `/${this.#name}`,
      subject: `digest/${id}`,
      time: until,
      // Mails to the same people leave in their order.
      key: group,
      data: { mail, items, count: items.length, since, until },
    }
  }
}

type DigestOf = Awaited<ReturnType<ReturnType<MailDigests['due']>['next']>>['value'] & object
