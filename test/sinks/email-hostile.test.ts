import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fields } from '../../src/event.ts'
import { addressesOf } from '../../src/sinks/email/address.ts'
import type { Sink } from '../../src/sinks/sink.ts'
import { emailSink, planMail, sendMail } from '../support/email-bench.ts'
import { type MailServer, startMailServer, type TakenMail } from '../support/mail-server.ts'

let server: MailServer
let sink: Sink

beforeAll(async () => {
  server = await startMailServer()
  sink = emailSink({ url: server.url, limits: { recipients: 500 } })
})

afterAll(async () => {
  await sink.close!()
  await server.close()
})

const BREAKS = ['\r\n', '\n', '\r', '\u0000', '\u0085', '\u2028', '\u2029', '\u000b', '\u000c']
const HEADERS = ['Bcc: thief@evil.example', 'X-Injected: yes', '\r\n<p>body</p>', ' folded', 'Subject: other']
const PAYLOADS = BREAKS.flatMap(line =>
  HEADERS.flatMap(header => [`Hello${line}${header}`, `${line}${header}`, `Hello${line}`]),
)

const HOSTILE_ADDRESSES = [
  'a@example.com, thief@evil.example',
  'a@example.com; thief@evil.example',
  'a@example.com thief@evil.example',
  'a@example.com\r\nRCPT TO:<thief@evil.example>',
  'a@example.com>\r\nDATA',
  '<a@example.com> <thief@evil.example>',
  'thief@evil.example <a@example.com>, b',
  '"a@example.com" thief@evil.example <',
  'a@example.com\0.evil.example',
  '"thief@evil.example x"@example.com',
  'thief@[127.0.0.1]',
  'a@exa mple.com',
  'a@example..com',
  '.a@example.com',
  'a..b@example.com',
  'a(comment)@example.com',
  'a@example.com(comment)',
  '@evil.example:a@example.com',
  'a@',
  '@example.com',
  'a',
  ' ',
  `${'a'.repeat(65)}@example.com`,
  `a@${'b'.repeat(64)}.com`,
  `a@${'b.'.repeat(130)}com`,
  'a\u202e@example.com',
  'a\u200b@example.com',
  'group: a@example.com, b@example.com;',
  '=?utf-8?q?thief=40evil.example=2C?= a@example.com',
]

describe('what comes from outside gets no further than its field', () => {
  it(`refuses ${PAYLOADS.length} subjects with a line end or control sign, or sends them without`, async () => {
    const before = server.mails.length
    for (const payload of PAYLOADS) {
      const outcome = await planMail(sink, { subject: 'From {{ data.name }}' }, { data: { name: payload } }).catch(
        error => error,
      )
      // Only what trimming takes off may pass.
      if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: 'rejected', code: 'BAD_MAIL' })
      else expect(outcome.after.subject).toBe(`From ${payload}`.trim())
    }
    expect(server.mails.length).toBe(before)
  })

  it.each(PAYLOADS)('puts %j into no header by way of a name', async payload => {
    for (const place of ['to', 'cc', 'replyTo']) {
      const args = { [place]: { name: payload, address: 'a@example.com' } }
      await expect(planMail(sink, args)).rejects.toMatchObject({ code: 'BAD_MAIL' })
      await expect(planMail(sink, { [place]: `${payload} <a@example.com>` })).rejects.toMatchObject({
        code: 'BAD_MAIL',
      })
    }
  })

  it.each(HOSTILE_ADDRESSES)('takes %j for no address', async address => {
    for (const place of ['to', 'cc', 'bcc', 'replyTo']) {
      await expect(planMail(sink, { [place]: address })).rejects.toMatchObject({ kind: 'rejected', code: 'BAD_MAIL' })
      await expect(planMail(sink, { [place]: [{ address }] })).rejects.toMatchObject({ code: 'BAD_MAIL' })
    }
  })

  it('nor by way of a digest, neither when it is told nor when its mail leaves', async () => {
    const leaving = (mail: Fields, item: Fields) =>
      planMail(sink, {}, { data: { mail, items: [item], count: 1 } }, { action: 'send-digest' })
    const mail = { to: 'a@example.com', subject: 'From {{ items[0].name }}', text: 'x' }
    for (const payload of PAYLOADS) {
      const outcome = await leaving(mail, { name: payload }).catch(error => error)
      if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: 'rejected', code: 'BAD_MAIL' })
      else expect(outcome.after.subject).toBe(`From ${payload}`.trim())
    }
    const refused = { kind: 'rejected', code: 'BAD_MAIL' }
    for (const address of HOSTILE_ADDRESSES) {
      for (const place of ['to', 'cc', 'bcc', 'replyTo']) {
        await expect(leaving({ ...mail, [place]: address }, {})).rejects.toMatchObject(refused)
        await expect(planMail(sink, { digest: { every: '1h' }, [place]: address })).rejects.toMatchObject(refused)
      }
    }
    const crowd = Array.from({ length: 501 }, (_, n) => `p${n}@example.com`)
    await expect(planMail(sink, { digest: { every: '1h' }, to: crowd })).rejects.toMatchObject(refused)
  })

  it('keeps a name with quotes, commas and brackets of its own in its place', async () => {
    const name = 'Eve "The <b>" O\'Neil, Inc. (sales)'
    await sendMail(sink, { to: { name, address: 'eve@example.com' } })
    expect(last().to).toEqual(['eve@example.com'])
    expect(last().parsed.to).toMatchObject({ value: [{ name, address: 'eve@example.com' }] })
  })

  it('sends to domains beyond ASCII by their other name', async () => {
    await sendMail(sink, { to: ['info@bücher.example', 'x@почта.рф', 'y@xn--bcher-kva.example'] })
    expect(last().raw).toContain('To: info@xn--bcher-kva.example, x@xn--80a1acny.xn--p1ai,\r\n y@xn--bcher-kva.example')
  })

  it('sends to a mailbox beyond ASCII where the server takes it', async () => {
    await sendMail(sink, { to: 'иван@example.com' })
    expect(last().to).toEqual(['иван@example.com'])
  })

  it('sends one mail to a long list, each of them once', async () => {
    const to = Array.from({ length: 400 }, (_, at) => ({
      name: `Person number ${at}`,
      address: `person${at}@example.com`,
    }))
    await sendMail(sink, { to: [...to, 'PERSON1@example.com'], cc: ['person2@example.com', 'boss@example.com'] })
    expect(last().to).toHaveLength(401)
    expect(new Set(last().to).size).toBe(401)
    const longest = Math.max(
      ...last()
        .raw.split('\r\n')
        .map(line => line.length),
    )
    expect(longest).toBeLessThan(200)
  })

  it('sends nothing to more people than it may', async () => {
    const to = Array.from({ length: 501 }, (_, at) => `person${at}@example.com`)
    await expect(planMail(sink, { to })).rejects.toMatchObject({ code: 'BAD_MAIL' })
  })

  it('sends nothing to nobody', async () => {
    for (const to of [[], null, '', [null]])
      await expect(planMail(sink, { to })).rejects.toMatchObject({ code: 'BAD_MAIL' })
    for (const to of [42, true, { name: 'x' }, { address: 7 }]) {
      await expect(planMail(sink, { to })).rejects.toMatchObject({ code: 'BAD_MAIL' })
    }
  })

  it('escapes data in HTML unless the author says `raw`', async () => {
    const data = { name: '<script>alert("1")</script> & \'co\'' }
    await sendMail(
      sink,
      { html: '<p>{{ data.name }}</p><i>{{ data.name | raw }}</i>', text: '{{ data.name }}' },
      { data },
    )
    expect(last().parsed.html).toBe(
      '<p>&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; &#39;co&#39;</p><i><script>alert("1")</script> & \'co\'</i>',
    )
    expect(last().parsed.text?.trim()).toBe(data.name)
  })

  it('ends no mail early, whatever its text', async () => {
    const text = 'before\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<thief@evil.example>\r\nDATA\r\n\r.\r\nafter'
    const count = server.mails.length
    await sendMail(sink, { text: '{{ data.text }}' }, { data: { text } })
    expect(server.mails.length).toBe(count + 1)
    expect(last().parsed.text).toContain('after')
    expect(last().parsed.text).toContain('RCPT TO:<thief@evil.example>')
  })

  it('reads no file and fetches nothing that data names', async () => {
    const data = { path: '/etc/passwd', html: { path: '/etc/passwd' } }
    await sendMail(
      sink,
      { text: '{{ data.path }}{{ data.html.path }}', html: '<img src="file:///etc/passwd">' },
      { data },
    )
    expect(last().raw).not.toContain('root:')
  })

  it('refuses a subject that is empty or endless', async () => {
    await expect(planMail(sink, { subject: '{{ data.name }}' }, { data: { name: ' ' } })).rejects.toMatchObject({
      code: 'BAD_MAIL',
    })
    await expect(planMail(sink, { subject: 'x'.repeat(501) })).rejects.toMatchObject({ code: 'BAD_MAIL' })
  })

  it('folds a long subject so that every server takes it', async () => {
    const subject = 'Grüße '.repeat(80).trim()
    await sendMail(sink, { subject })
    expect(last().parsed.subject).toBe(subject)
  })

  it('ends a template that would not end', async () => {
    const endless = '{% for a in (1..100000000) %}{% for b in (1..100000000) %}x{% endfor %}{% endfor %}'
    await expect(planMail(sink, { text: endless })).rejects.toMatchObject({ kind: 'rejected', code: 'TEMPLATE_FAILED' })
  })

  it('shows nothing that a record does not have itself', async () => {
    const error = await failureOfPlan('{{ data.constructor.name }}')
    expect(error).toMatchObject({ code: 'MISSING_FIELD' })
  })
})

async function failureOfPlan(text: string): Promise<unknown> {
  return planMail(sink, { text }, { data: {} }).then(
    () => undefined,
    error => error,
  )
}

function last(): TakenMail {
  return server.mails.at(-1)!
}

describe('addresses', () => {
  it.each([
    ['a@example.com', [{ name: '', address: 'a@example.com' }]],
    [' a@example.com ', [{ name: '', address: 'a@example.com' }]],
    ['Ada Lovelace <ada@example.com>', [{ name: 'Ada Lovelace', address: 'ada@example.com' }]],
    ['"Lovelace, Ada" <ada@example.com>', [{ name: 'Lovelace, Ada', address: 'ada@example.com' }]],
    ["o'neil+tag@sub.example.co.uk", [{ name: '', address: "o'neil+tag@sub.example.co.uk" }]],
    [
      ['a@example.com', ['b@example.com', null]],
      [
        { name: '', address: 'a@example.com' },
        { name: '', address: 'b@example.com' },
      ],
    ],
    [undefined, []],
  ])('%j', (value, addresses) => {
    expect(addressesOf(value, 'to')).toEqual(addresses)
  })
})
