import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import type { SMTPServerOptions } from 'smtp-server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../../scripts/services/certificates.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import { emailSink, failureOf, ID, never, planMail, sendMail } from '../support/email-bench.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { until } from '../support/until.ts'

let server: MailServer
let sink: Sink

beforeEach(async () => {
  server = await startMailServer()
  sink = emailSink({ url: server.url, timeout: '5s' })
})

afterEach(async () => {
  await sink.close!()
  await server.close()
})

describe('a mail that is sent', () => {
  it('comes in whole, and says what became of it', async () => {
    const delivery = await sendMail(sink, {
      to: ['sales@example.com', { name: 'Zoë, the first', address: 'zoe@example.com' }],
      cc: 'finance@example.com',
      bcc: 'archive@example.com',
      replyTo: 'lead@example.com',
      subject: 'Grüße',
      html: '<p>Hello &amp; <b>welcome</b></p>',
      text: undefined,
    })
    expect(delivery).toMatchObject({
      status: 'delivered',
      ref: { object: 'mail', id: `<${ID}@example.com>` },
      result: {
        messageId: `<${ID}@example.com>`,
        to: ['sales@example.com', 'zoe@example.com', 'finance@example.com', 'archive@example.com'],
        refused: [],
      },
    })
    const [{ from, to, raw, parsed }] = server.mails as [MailServer['mails'][0]]
    expect(from).toBe('crm@example.com')
    expect(to).toEqual(['sales@example.com', 'zoe@example.com', 'finance@example.com', 'archive@example.com'])
    expect(parsed).toMatchObject({
      subject: 'Grüße',
      messageId: `<${ID}@example.com>`,
      html: '<p>Hello &amp; <b>welcome</b></p>',
      text: 'Hello & welcome',
      from: { value: [{ name: 'CRM', address: 'crm@example.com' }] },
      to: { value: [{ address: 'sales@example.com' }, { name: 'Zoë, the first', address: 'zoe@example.com' }] },
      cc: { value: [{ address: 'finance@example.com' }] },
      replyTo: { value: [{ address: 'lead@example.com' }] },
    })
    expect(parsed.headers.get('auto-submitted')).toBe('auto-generated')
    expect(raw).not.toContain('archive@')
  })

  it('is text alone where there is no HTML', async () => {
    await sendMail(sink, { text: 'Plain.\n.\nDots stay.' })
    expect(server.mails[0]!.parsed.html).toBe(false)
    expect(server.mails[0]!.parsed.text).toBe('Plain.\n.\nDots stay.\n')
  })

  it('says whom the server refused while it took the mail for others', async () => {
    server.faults.recipient = { match: /^gone/, reply: '550 5.1.1 no such mailbox' }
    const delivery = await sendMail(sink, { to: ['sales@example.com', 'gone@example.com'] })
    expect(delivery).toMatchObject({
      status: 'delivered',
      result: {
        to: ['sales@example.com'],
        refused: [{ address: 'gone@example.com', response: '550 5.1.1 no such mailbox' }],
      },
    })
  })

  it('goes over a connection that is kept, and over a new one when the server ended it', async () => {
    await sendMail(sink)
    await sendMail(sink)
    expect(server.connections).toBe(1)
    server.cutAll()
    expect((await sendMail(sink)).status).toBe('delivered')
    expect([server.mails.length, server.connections]).toEqual([3, 2])
  })

  it('goes over a new connection when the kept one is cut as it speaks', async () => {
    await sendMail(sink)
    server.faults.cut = 'sender'
    const sent = sendMail(sink)
    await until(() => server.connections === 2)
    server.faults.cut = undefined
    // The new connection may have been cut too: nothing was sent then, and the runtime tries again.
    const delivery = await sent
    if (delivery.status === 'failed')
      expect(delivery.error).toMatchObject({ code: 'CONNECTION_FAILED', outcomeUnknown: false })
    expect(server.mails).toHaveLength(delivery.status === 'delivered' ? 2 : 1)
  })

  it('opens no more connections than it may', async () => {
    server.faults.hold = true
    const plans = await Promise.all(Array.from({ length: 8 }, () => planMail(sink, {})))
    const sent = Promise.all(plans.map(plan => sink.deliver([plan], never)))
    await until(() => server.received === 3)
    server.faults.hold = false
    server.release()
    await sent
    expect([server.mails.length, server.connections]).toEqual([8, 3])
  })

  it('leaves a connection after its number of mails', async () => {
    const brief = emailSink({ url: server.url, pool: { mailsPerConnection: 2 } })
    for (let sent = 0; sent < 4; sent++) await sendMail(brief)
    await brief.close!()
    expect(server.connections).toBe(2)
  })
})

describe('what a failure is', () => {
  it.each([
    ['sender', '451 4.3.0 try again', 'retryable', 'MAIL_DEFERRED'],
    ['sender', '550 5.7.1 not for you', 'rejected', 'MAIL_REFUSED'],
    ['sender', '530 5.7.0 log in first', 'fatal', 'MAIL_AUTH'],
    ['mail', '452 4.2.2 mailbox full', 'retryable', 'MAIL_DEFERRED'],
    ['mail', '421 4.3.2 going down', 'retryable', 'MAIL_DEFERRED'],
    ['mail', '554 5.6.0 spam', 'rejected', 'MAIL_REFUSED'],
  ] as const)('%s answered %s: %s', async (command, reply, kind, code) => {
    server.faults[command] = reply
    const error = await failureOf(sink)
    expect(error).toMatchObject({ kind, code, outcomeUnknown: false, status: Number(reply.slice(0, 3)) })
    expect(error.message).toContain(reply.slice(4))
    server.faults[command] = undefined
    expect((await sendMail(sink)).status).toBe('delivered')
  })

  it.each([
    ['450 4.2.0 greylisted', 'retryable', 'MAIL_DEFERRED'],
    ['550 5.1.1 nobody here', 'rejected', 'MAIL_REFUSED'],
  ] as const)('all recipients answered %s: %s', async (reply, kind, code) => {
    server.faults.recipient = { match: /./, reply }
    expect(await failureOf(sink, { to: ['a@example.com', 'b@example.com'] })).toMatchObject({
      kind,
      code,
      outcomeUnknown: false,
    })
  })

  it('is not known when the connection is lost before the answer (P3)', async () => {
    server.faults.cut = 'mail'
    expect(await failureOf(sink)).toMatchObject({ kind: 'retryable', code: 'CONNECTION_LOST', outcomeUnknown: true })
    expect(server.received).toBe(1)
  })

  it('is not known either on a connection that was kept, and is not sent again over another (P3)', async () => {
    await sendMail(sink)
    server.faults.cut = 'mail'
    expect(await failureOf(sink)).toMatchObject({ code: 'CONNECTION_LOST', outcomeUnknown: true })
    expect(server.received).toBe(2)
  })

  it('is not known when the answer takes too long (P3)', async () => {
    const hasty = emailSink({ url: server.url, timeout: '200ms' })
    server.faults.hold = true
    expect(await failureOf(hasty)).toMatchObject({ code: 'TIMEOUT', outcomeUnknown: true })
    server.release()
    await hasty.close!()
  })

  it('is not known when it is given up meanwhile (P3)', async () => {
    server.faults.hold = true
    const ending = new AbortController()
    const delivery = sink.deliver([await planMail(sink, {})], ending.signal)
    await until(() => server.received === 1)
    ending.abort()
    expect((await delivery)[0]).toMatchObject({ error: { code: 'ABORTED', outcomeUnknown: true } })
    server.release()
  })

  it('is surely not sent when the connection is cut before the mail', async () => {
    server.faults.cut = 'sender'
    expect(await failureOf(sink)).toMatchObject({ code: 'CONNECTION_FAILED', outcomeUnknown: false })
    expect(server.received).toBe(0)
  })

  it('is surely not sent when nobody listens', async () => {
    await server.close()
    const error = await failureOf(sink)
    expect(error).toMatchObject({ kind: 'retryable', code: 'CONNECTION_FAILED', outcomeUnknown: false })
    expect(error.message).toContain(`127.0.0.1:${server.port}`)
  })

  it('is surely not sent when the server never greets', async () => {
    const silent = await listening(() => {})
    const patient = emailSink({ url: silent.url, timeout: '200ms' })
    expect(await failureOf(patient)).toMatchObject({ code: 'CONNECTION_FAILED', outcomeUnknown: false })
    await patient.close!()
    silent.server.close()
  })

  it('stops the flows when the server refuses us at the door', async () => {
    const closed = await listening(socket => socket.end('554 5.7.1 you are on a list\r\n'))
    const unwelcome = emailSink({ url: closed.url })
    expect(await failureOf(unwelcome)).toMatchObject({ kind: 'fatal', code: 'MAIL_AUTH' })
    await unwelcome.close!()
    closed.server.close()
  })

  it('opens the breaker for a server that is away, and not for greylisting', async () => {
    server.faults.recipient = { match: /./, reply: '450 4.2.0 greylisted' }
    for (let tries = 0; tries < 8; tries++) expect((await failureOf(sink)).code).toBe('MAIL_DEFERRED')
    await server.close()
    for (let tries = 0; tries < 5; tries++) await failureOf(sink)
    expect((await failureOf(sink)).code).toBe('SYSTEM_UNAVAILABLE')
  })

  it('refuses what is larger than the server takes', async () => {
    const small = await startMailServer({ size: 2000 })
    const narrow = emailSink({ url: small.url })
    expect(await failureOf(narrow, { text: 'x'.repeat(3000) })).toMatchObject({
      kind: 'rejected',
      code: 'MAIL_REFUSED',
    })
    await narrow.close!()
    await small.close()
  })
})

async function listening(serve: (socket: Socket) => void): Promise<{ server: Server; url: string }> {
  const server = createServer(serve)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('encryption and credentials', () => {
  const authority = new CertificateAuthority('House authority')
  const certificate = authority.issue('mail', { hosts: ['localhost', '127.0.0.1'] })
  const onAuth: SMTPServerOptions['onAuth'] = ({ username, password }, _session, done) =>
    username === 'crm' && password === 'p@ss' ? done(null, { user: 'crm' }) : done(new Error('who?'))

  it('upgrades by STARTTLS, trusts the authority of the house, and logs in', async () => {
    const secured = await startMailServer({ ...certificate, onAuth, authOptional: false })
    const url = secured.url.replace('smtp://127.0.0.1', 'smtp://crm:p%40ss@localhost')
    const safe = emailSink({ url, ca: authority.pem })
    await safe.check!(never)
    expect((await sendMail(safe)).status).toBe('delivered')
    expect([secured.mails[0]!.secure, secured.connections]).toEqual([true, 1])
    await safe.close!()
    await secured.close()
  })

  it('speaks TLS from the start', async () => {
    const secured = await startMailServer({ ...certificate, secure: true })
    const safe = emailSink({ url: secured.url.replace('smtp:', 'smtps:'), ca: authority.pem })
    expect((await sendMail(safe)).status).toBe('delivered')
    await safe.close!()
    await secured.close()
  })

  it.each(['smtp', 'smtps'])('sends nothing to a server that a stranger vouches for: %s (P9)', async scheme => {
    const secured = await startMailServer({ ...certificate, secure: scheme === 'smtps' })
    const other = new CertificateAuthority('Somebody else')
    const wary = emailSink({ url: secured.url.replace('smtp:', `${scheme}:`), ca: other.pem })
    expect(await failureOf(wary)).toMatchObject({ kind: 'fatal', code: 'MAIL_TLS', outcomeUnknown: false })
    await expect(wary.check!(never)).rejects.toMatchObject({ code: 'MAIL_TLS' })
    await wary.close!()
    await secured.close()
  })

  it('sends nothing where STARTTLS is missing and demanded (P9)', async () => {
    const wary = emailSink({ url: server.url, ca: authority.pem })
    expect(await failureOf(wary)).toMatchObject({ kind: 'fatal', code: 'MAIL_TLS' })
    expect(server.received).toBe(0)
    await wary.close!()
  })

  it('takes any certificate when told that the way is trusted', async () => {
    const secured = await startMailServer({ ...certificate, secure: true })
    const trusting = emailSink({ url: secured.url.replace('smtp:', 'smtps:'), insecure: true })
    expect((await sendMail(trusting)).status).toBe('delivered')
    await trusting.close!()
    await secured.close()
  })

  it('stops the flows when the password is wrong, and never says it', async () => {
    const secured = await startMailServer({ ...certificate, onAuth, authOptional: false })
    const url = secured.url.replace('smtp://127.0.0.1', 'smtp://crm:wr0ng-secret@localhost')
    const locked = emailSink({ url, ca: authority.pem })
    const error = await failureOf(locked)
    expect(error).toMatchObject({ kind: 'fatal', code: 'MAIL_AUTH', outcomeUnknown: false })
    await expect(locked.check!(never)).rejects.toMatchObject({ kind: 'fatal', code: 'MAIL_AUTH' })
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('wr0ng')
    await locked.close!()
    await secured.close()
  })

  it('says so when there is a user and the server has no login', async () => {
    const plain = await startMailServer({ disabledCommands: ['STARTTLS', 'AUTH'] })
    const locked = emailSink({ url: plain.url.replace('//', '//crm:p%40ss@') })
    expect(await failureOf(locked)).toMatchObject({ kind: 'fatal', code: 'MAIL_AUTH' })
    await locked.close!()
    await plain.close()
  })
})
