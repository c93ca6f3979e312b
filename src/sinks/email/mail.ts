import { SyncError } from '../../errors.ts'
import type { Item } from '../sink.ts'
import { type Address, addressesOf, hasControl } from './address.ts'
import { plainTextOf } from './plain-text.ts'
import { compileTemplate, type MailTemplate, type TemplateArgs } from './template.ts'

/** One mail, ready to be put on paper. JSON. */
export interface Mail {
  readonly messageId: string
  readonly from: Address
  readonly replyTo: readonly Address[]
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly subject: string
  readonly text: string
  readonly html?: string
}

export interface Sender {
  readonly from: Address
  readonly replyTo: readonly Address[]
  readonly maxRecipients: number
}

export interface SendArgs extends TemplateArgs {
  readonly to?: unknown
  readonly cc?: unknown
  readonly bcc?: unknown
  readonly replyTo?: unknown
}

/** RFC 5322 limits lines, not subjects; longer ones are a mistake or an attack. */
const LONGEST_SUBJECT = 500

/** Makes mails of items; templates are read once. */
export class MailWriter {
  readonly #sender: Sender
  readonly #templates = new Map<string, MailTemplate>()

  constructor(sender: Sender) {
    this.#sender = sender
  }

  /** @throws SyncError rejected `BAD_MAIL`, `MISSING_FIELD`, `TEMPLATE_FAILED`. */
  write(item: Item): Mail {
    const args = item.args as SendArgs
    const { subject, html, text } = this.templateOf(args)
    const scope = { ...item.scope, ...args.data }
    const htmlText = html?.render(scope).trim()
    return {
      messageId: messageIdOf(item.id, this.#sender.from),
      from: this.#sender.from,
      ...this.people(args),
      subject: checkedSubject(subject.render(scope).trim()),
      text: text ? text.render(scope).trim() : plainTextOf(htmlText!),
      ...(htmlText !== undefined && { html: htmlText }),
    }
  }

  /** @throws SyncError rejected `TEMPLATE_FAILED` */
  templateOf(args: TemplateArgs): MailTemplate {
    const key = JSON.stringify([args.template, args.subject, args.html, args.text])
    const known = this.#templates.get(key)
    if (known) return known
    try {
      const template = compileTemplate(args)
      this.#templates.set(key, template)
      return template
    } catch (cause) {
      throw new SyncError('rejected', 'TEMPLATE_FAILED', cause instanceof Error ? cause.message : String(cause), {
        cause,
      })
    }
  }

  /** Everybody once, at the first place that names them. @throws SyncError rejected `BAD_MAIL`. */
  people(args: SendArgs): Pick<Mail, 'to' | 'cc' | 'bcc' | 'replyTo'> {
    const seen = new Set<string>()
    const fresh = (value: unknown, place: string) =>
      addressesOf(value, place).filter(({ address }) => {
        const key = address.toLowerCase()
        return !seen.has(key) && seen.add(key)
      })
    const to = fresh(args.to, 'to')
    const cc = fresh(args.cc, 'cc')
    const bcc = fresh(args.bcc, 'bcc')
    if (to.length === 0) {
      throw new SyncError('rejected', 'BAD_MAIL', '`to` gives nobody; a `when` on the step says when there is a mail')
    }
    const { maxRecipients, replyTo } = this.#sender
    if (seen.size > maxRecipients) {
      const message = `the mail has ${seen.size} recipients, and \`limits.recipients\` of its system allows ${maxRecipients}`
      throw new SyncError('rejected', 'BAD_MAIL', message)
    }
    const answers = addressesOf(args.replyTo, 'replyTo')
    return { to, cc, bcc, replyTo: answers.length > 0 ? answers : replyTo }
  }
}

/** P3: the same effect has the same Message-ID for ever, so that a mail that came twice is known as one. */
export function messageIdOf(id: string, from: Address): string {
  return `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`
}

function checkedSubject(subject: string): string {
  if (subject === '') throw new SyncError('rejected', 'BAD_MAIL', 'the subject came out empty')
  if (subject.length > LONGEST_SUBJECT) {
    throw new SyncError(
      'rejected',
      'BAD_MAIL',
      `the subject has ${subject.length} characters, and may have ${LONGEST_SUBJECT}`,
    )
  }
  if (hasControl(subject)) {
    const message = `the subject has a line end or another control character: ${JSON.stringify(subject.slice(0, 120))}; \`| strip_newlines\` takes line ends out`
    throw new SyncError('rejected', 'BAD_MAIL', message)
  }
  return subject
}
