import type { MailDigests } from '../clients/mail-digest.ts'
import type { Receipt } from '../clients/smtp/session.ts'
import type { ProcessorDefinition, Registry, SinkDefinition } from '../config/definition.ts'
import { registry } from '../registry.ts'
import type { Mail } from '../sinks/email/mail.ts'
import type { Post } from '../sinks/email/post.ts'
import { EmailSink } from '../sinks/email/sink.ts'
import email from '../sinks/email.ts'
import type { Activity } from './activity.ts'

/** A mail as a test speaks of it: people are their addresses. */
export interface SentMail {
  readonly via: string
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo: readonly string[]
  readonly subject: string
  readonly text: string
  readonly html?: string
}

/** What a test watches, beyond the network. */
export interface Watched {
  readonly activity: Activity
  readonly mails: SentMail[]
}

/**
 * The components as they are, but for what they would do beyond this process: mails are kept, and time waits for code.
 */
export function testRegistry(watched: Watched): Registry {
  const code = registry.processors.code!
  return {
    ...registry,
    processors: { ...registry.processors, code: { ...code, create: createCode(code, watched) } },
    sinks: { ...registry.sinks, email: { ...(email as unknown as SinkDefinition), create: createEmail(watched) } },
  }
}

function createCode(code: ProcessorDefinition, watched: Watched): ProcessorDefinition['create'] {
  return (config, context) => {
    const processor = code.create(config, context)
    return {
      ...processor,
      process: (scope, run) => watched.activity.during(Promise.resolve(processor.process(scope, run))),
    }
  }
}

function createEmail(watched: Watched): SinkDefinition['create'] {
  return (config, context) => {
    const post = new KeptPost(context.name, watched)
    return new EmailSink(config as never, context.client as MailDigests, context, post)
  }
}

/** A mail server that takes everything. */
class KeptPost implements Post {
  readonly #name: string
  readonly #watched: Watched

  constructor(name: string, watched: Watched) {
    this.#name = name
    this.#watched = watched
  }

  async send({ from, to, cc, bcc, replyTo, subject, text, html }: Mail): Promise<Receipt> {
    const people = { to: addresses(to), cc: addresses(cc), bcc: addresses(bcc), replyTo: addresses(replyTo) }
    const content = { subject, text, ...(html !== undefined && { html }) }
    this.#watched.activity.note()
    this.#watched.mails.push({ via: this.#name, from: from.address, ...people, ...content })
    return { accepted: [...people.to, ...people.cc, ...people.bcc], refused: [], response: '250 kept' }
  }

  async check(): Promise<void> {}

  close(): void {}
}

function addresses(people: Mail['to']): string[] {
  return people.map(({ address }) => address)
}
