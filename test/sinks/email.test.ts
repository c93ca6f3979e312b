import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { plainTextOf } from '../../src/sinks/email/plain-text.ts'
import email from '../../src/sinks/email.ts'
import { effectOf } from '../../src/sinks/sink.ts'
import { linesOf, load } from '../config/support.ts'
import { emailSink, never, planMail } from '../support/email-bench.ts'
import { schemaErrors } from '../support/schema-errors.ts'
import { tempFolder } from '../support/temp-folder.ts'

const SYSTEM = 'systems:\n  mail: { type: email, url: "smtps://mail.example.com", from: crm@example.com }\n'

function configWith(step: string, system = SYSTEM): string {
  return `${system}connectors:
  form: { type: webhook, path: /hooks/form, verify: none }
flows:
  leads:
    from: form
    steps:
      - transform: { lead: data.name }
      - send: ${step}
`
}

const TEXT = 'subject: Hello, text: Hello.'

describe('the config of a mail', () => {
  it('has examples that are valid', () => {
    for (const { yaml } of email.examples) {
      const { type, ...config } = parse(yaml)
      expect([type, schemaErrors(email.config, config)]).toEqual(['email', []])
    }
    for (const { yaml } of email.actions.send!.examples) {
      const { via: _via, ...config } = parse(yaml)
      expect(schemaErrors(email.actions.send!.config, config)).toEqual([])
    }
  })

  it('is never repeated when its outcome is unknown (P3)', () => {
    expect(effectOf(email.actions.send!, {})).toBe('blind')
  })

  it.each([
    `{ to: sales@example.com, ${TEXT} }`,
    `{ to: 'Sales <sales@example.com>', ${TEXT} }`,
    `{ to: data.email, ${TEXT} }`,
    `{ to: [sales@example.com, data.email, "data.?rep"], cc: "['a@example.com', data.email]", ${TEXT} }`,
    `{ to: a@example.com, subject: 'Hello {{ lead }}', text: '{{ data.name }} {{ event.time }} {{ score }}', data: { score: data.a } }`,
    `{ to: a@example.com, subject: Hello, html: '<p>{% for one in data.list %}{{ one }}{% endfor %}</p>', text: Hello }`,
  ])('takes %s', async step => {
    expect(await linesOf(configWith(step))).toEqual([])
  })

  it.each([
    [`{ ${TEXT} }`, 'send.to missing'],
    [`{ to: a@example..com, ${TEXT} }`, 'send.to component: `to`: "a@example..com" is no address'],
    [`{ to: nobody, ${TEXT} }`, 'send.to expression'],
    ['{ to: a@example.com, text: Hello. }', 'send.subject component: the mail has no subject'],
    ['{ to: a@example.com, subject: Hello }', 'send.template component: the mail says nothing'],
    ['{ to: a@example.com, subject: "Hello {{ data.name", text: x }', 'send.subject component: `subject`:1:7: output'],
    ['{ to: a@example.com, subject: Hello, text: "{{ a | nofilter }}" }', 'undefined filter: nofilter'],
    ['{ to: a@example.com, subject: Hello, text: "{{ leed.name }}" }', 'there is no name `leed` here => lead'],
    ['{ to: a@example.com, subject: Hello, text: "{% include \'x\' %}" }', 'tag "include" not found'],
    ['{ to: a@example.com, subject: Hello, text: x, html: y, template: ./t.liquid }', '`template` and `html` both'],
    ['{ to: a@example.com, subject: Hello, template: ./none.liquid }', 'send.template file: the file'],
  ])('refuses %s', async (step, problem) => {
    const lines = await linesOf({ 'c.yaml': configWith(step), './t.liquid': '<p>Hello</p>' })
    expect(lines).toEqual([expect.stringContaining(problem)])
  })

  it.each([
    ['---\nsubject: Hello\n---\n<p>\n  {{ data.name }}\n  {% if %}</p>', 't.liquid:6:8: '],
    ['---\nsubject: Hello\n---\n<p>\n{% fi %}</p>', 't.liquid:5:1: tag "fi" not found'],
    ['---\nsubject: "{{ data.name"\n---\n<p></p>', 't.liquid, subject:1:1: '],
    ['---\nsubjet: Hello\n---\n<p></p>', 't.liquid: there is no key `subjet` between the lines of --- => subject'],
    ['---\nsubject: [Hello]\n---\n', 't.liquid: the subject must be text'],
    ['---\n- Hello\n---\n', 't.liquid: between the lines of --- stands no map'],
    ['---\nsubject: "Hello\n---\n', 't.liquid: what stands between the lines of --- is no YAML'],
    ['---\nsubject: Hello\n---\n{{ nobody }}', 't.liquid: there is no name `nobody` here'],
  ])('says where in its file a template is wrong: %j', async (template, problem) => {
    const step = '{ to: a@example.com, template: ./t.liquid }'
    const lines = await linesOf({ 'c.yaml': configWith(step), 't.liquid': template })
    expect(lines[0]).toContain('send.template component: ')
    expect(lines[0]).toContain(problem)
  })

  it.each([
    ['{ type: email, url: "smtp://mail.example.com:587", from: a@example.com }', []],
    ['{ type: email, url: "smtp://localhost:1025", from: a@example.com }', []],
    [
      '{ type: email, url: "smtp://u:${PASS}@mail.example.com", from: "A <a@example.com>", replyTo: b@example.com }',
      [],
    ],
    [
      '{ type: email, url: "https://mail.example.com", from: a@example.com }',
      ['systems.mail.url component: https:// is not'],
    ],
    [
      '{ type: email, url: "smtps://mail.example.com", from: someone }',
      ['systems.mail.from component: `from`: "someone" is no'],
    ],
    ['{ type: email, url: "smtps://u:secret@mail.example.com", from: a@example.com }', ['literal-secret']],
  ])('of a system: %s', async (system, problems) => {
    const text = configWith(`{ to: a@example.com, ${TEXT} }`, `systems:\n  mail: ${system}\n`)
    const lines = await linesOf(text, { env: { PASS: 'p' } })
    expect(lines).toEqual(problems.map(problem => expect.stringContaining(problem)))
  })

  it('says at start-up that a server is spoken to in the open (P9)', async () => {
    const system =
      'systems:\n  mail: { type: email, url: "smtp://mail.example.com", from: a@example.com, insecure: true }\n'
    const { config } = await load(configWith(`{ to: a@example.com, ${TEXT} }`, system))
    expect(config.warnings.join()).toContain('smtp://mail.example.com can be read on the way')
  })
})

describe('what a mail says', () => {
  const sink = emailSink({ url: 'smtp://127.0.0.1:1' })
  const scope = {
    data: { name: 'Ada', list: ['x', 'y'] },
    event: { time: '2026-11-24T10:00:00Z' },
    person: { id: 'p1' },
  }

  it('comes from the event, its data, earlier results and what the step adds', async () => {
    const plan = await planMail(
      sink,
      {
        subject: '{{ data.name }} {{ person.id }}',
        text: '{{ score }} {{ event.time | date: "%H:%M" }}',
        data: { score: 7 },
      },
      scope,
    )
    expect(plan).toMatchObject({
      operation: 'send',
      after: { subject: 'Ada p1', text: '7 10:00', to: ['sales@example.com'] },
    })
  })

  it('is a dead letter where something is missing, unless the author asks', async () => {
    await expect(planMail(sink, { text: 'Dear {{ data.title }}' }, scope)).rejects.toMatchObject({
      kind: 'rejected',
      code: 'MISSING_FIELD',
      message: expect.stringContaining('`text`:1:9: undefined variable: data.title'),
    })
    const text = '{% if data.title %}{{ data.title }}{% else %}{{ data.nick | default: "you" }}{% endif %}'
    expect((await planMail(sink, { text }, scope)).after).toMatchObject({ text: 'you' })
  })

  it('stands in a file, with its subject before it', async () => {
    const file = join(tempFolder(), 'mail.liquid')
    writeFileSync(file, '\uFEFF---\r\nsubject: "For {{ data.name }}"\r\n---\r\n<p>{{ data.name }}</p>\r\n')
    const args = { template: file, subject: undefined, text: undefined }
    const { after, private: mail } = await planMail(sink, args, scope)
    expect(after).toMatchObject({ subject: 'For Ada', text: 'Ada' })
    expect(mail).toMatchObject({ html: '<p>Ada</p>' })
    // The step's own subject is nearer.
    expect((await planMail(sink, { ...args, subject: 'Other' }, scope)).after).toMatchObject({ subject: 'Other' })
  })

  it('is plain text where the file is', async () => {
    const file = join(tempFolder(), 'mail.txt.liquid')
    writeFileSync(file, '{{ data.name }} <x>')
    const { private: mail } = await planMail(sink, { template: file, text: undefined }, { data: { name: '<Ada>' } })
    expect(mail).toMatchObject({ text: '<Ada> <x>' })
    expect(mail).not.toHaveProperty('html')
  })

  it('has the same Message-ID for the same effect for ever (P3)', async () => {
    const [first, second] = [await planMail(sink, {}, scope), await planMail(sink, { text: 'Other' }, scope)]
    expect((first.private as { messageId: string }).messageId).toBe((second.private as { messageId: string }).messageId)
  })

  it('is read when the flow gets ready, and no more', async () => {
    const file = join(tempFolder(), 'mail.liquid')
    writeFileSync(file, '<p>checked</p>')
    const use = { action: 'send', args: { template: file, subject: 'Hello' }, problem: () => {} }
    await sink.verify!([use], never).catch(() => {})
    writeFileSync(file, '{% broken')
    const plan = await planMail(sink, { template: file, text: undefined })
    expect(plan.after).toMatchObject({ text: 'checked' })
  })
})

describe('a digest', () => {
  const DIGEST = 'to: a@example.com, subject: "{{ count }}", text: "{% for item in items %}{{ item.name }}{% endfor %}"'

  it('brings along the flow that sends it, and keeps an entry once under its key (P3)', async () => {
    const { config } = await load(configWith(`{ ${DIGEST}, digest: { every: 1h } }`))
    expect([...config.flows.keys()]).toEqual(['leads', 'mail-digest'])
    expect(config.flows.get('mail-digest')).toMatchObject({
      from: [{ connector: 'mail', object: 'digest' }],
      start: 'earliest',
      steps: [{ id: 'send-digest', use: { kind: 'action', system: 'mail', onUnknown: 'hold' } }],
    })
    expect(config.connectors.get('mail')).toMatchObject({ system: 'mail', objects: ['digest'] })
    expect(effectOf(email.actions.send!, { digest: { every: '1h' } })).toBe('keyed')
    expect(effectOf(email.actions['send-digest']!, {})).toBe('blind')
  })

  it('brings nothing along where no step says so', async () => {
    const { config } = await load(configWith(`{ to: a@example.com, ${TEXT} }`))
    expect([[...config.flows.keys()], [...config.connectors.keys()]]).toEqual([['leads'], ['form']])
  })

  it('needs the name of its flow', async () => {
    const taken = `${configWith(`{ ${DIGEST}, digest: { every: 1h } }`)}  mail-digest: { from: form, steps: [{ filter: "true" }] }\n`
    expect(await linesOf(taken)).toEqual([
      expect.stringContaining('systems.mail duplicate-name: the flow "mail-digest"'),
    ])
  })

  it.each([
    ['{ }', 'nothing says when the mail leaves => every: 1h'],
    ['{ every: 1h, cron: "0 8 * * *" }', '`every` and `cron` both say when'],
    ['{ every: 1h, timeZone: UTC }', '`every` goes by no clock'],
    ['{ cron: "0 99 * * *" }', 'send.digest component: `cron`: '],
    ['{ cron: "0 8 30 2 *" }', '`cron` names times that never come'],
    ['{ cron: "0 8 * * *", timeZone: Nowhere/City }', 'send.digest component: `cron`: '],
  ])('is wrong as %s', async (digest, problem) => {
    const lines = await linesOf(configWith(`{ ${DIGEST}, digest: ${digest} }`))
    expect(lines).toEqual([expect.stringContaining(problem)])
  })

  it('has names of its own in its template', async () => {
    const step =
      '{ to: a@example.com, subject: "{{ data.name }}", text: "{{ since }} {{ until }}", digest: { every: 1h } }'
    expect(await linesOf(configWith(step))).toEqual([expect.stringContaining('there is no name `data` here')])
  })

  it('leaves by the clock that its config names, to each recipient one', async () => {
    const sink = emailSink({ url: 'smtp://127.0.0.1:1' })
    const plan = (digest: object, to = 'a@example.com') => planMail(sink, { to, digest, data: { name: 'x' } })
    const weekly = (await plan({ cron: '0 8 * * 1', timeZone: 'Europe/Berlin' })).after as { leavesBy: string }
    expect(new Date(weekly.leavesBy).getUTCDay()).toBe(1)
    expect(weekly.leavesBy).toMatch(/T0[67]:00:00.000Z$/)
    const groups = await Promise.all([
      plan({ every: '1h' }),
      plan({ every: '1h' }),
      plan({ every: '1h' }, 'b@example.com'),
      plan({ every: '1h', by: 'north' }),
    ])
    const [one, same, other, north] = groups.map(({ private: entry }) => (entry as { group: string }).group)
    expect([one === same, one === other, one === north]).toEqual([true, false, false])
    // What would fail later fails now, with the event that is to blame.
    await expect(plan({ every: '1h' }, 'a@b@c')).rejects.toMatchObject({ code: 'BAD_MAIL' })
    await expect(plan({ every: '1h' }, '')).rejects.toMatchObject({ code: 'BAD_MAIL' })
  })
})

describe('plain text of HTML', () => {
  it.each([
    ['<p>One</p><p>Two<br>Three</p>', 'One\n\nTwo\nThree'],
    ['<ul><li>a</li><li>b</li></ul>', '- a\n- b'],
    ['<a href="https://example.com/x">here</a>', 'here (https://example.com/x)'],
    ["<a href='mailto:a@example.com'>a@example.com</a>", 'a@example.com'],
    ['<table><tr><td>Name</td><td>Ada</td></tr><tr><td>Age</td><td>36</td></tr></table>', 'Name Ada\n\nAge 36'],
    ['<style>p { color: red }</style><title>x</title>5 &lt; 6 &amp;amp; &#34;7&#x22;&nbsp;8', '5 < 6 &amp; "7" 8'],
    ['<!-- no --><h1>Head</h1>\n  text   runs\n on', 'Head\n\ntext runs on'],
    ['a < b and b > c', 'a < b and b > c'],
  ])('%s', (html, text) => {
    expect(plainTextOf(html)).toBe(text)
  })
})
