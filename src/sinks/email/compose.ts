import type { Address } from './address.ts'
import type { Mail } from './mail.ts'

/** The mail as it travels. Blind copies are in no header: they are the envelope's alone. */
export async function composed(mail: Mail, date: Date): Promise<Buffer> {
  // Loaded by the first mail: most configs send none.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const { from, replyTo, to, cc, subject, text, html, messageId } = mail
  const composer = new MailComposer({
    from: copyOf(from),
    ...(replyTo.length > 0 && { replyTo: replyTo.map(copyOf) }),
    to: to.map(copyOf),
    ...(cc.length > 0 && { cc: cc.map(copyOf) }),
    subject,
    text,
    ...(html !== undefined && { html }),
    messageId,
    date,
    // RFC 3834: holiday notices do not answer it.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return composer.compile().build()
}

function copyOf({ name, address }: Address): { name: string; address: string } {
  return { name, address }
}
