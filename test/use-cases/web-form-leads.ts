import { describe, expect, it } from 'vitest'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

const KEY = { 'x-form-key': 'bench-form-key' }

const ada = {
  email: 'Ada@Analytical.example',
  name: 'Ada Lovelace',
  company: 'Analytical Engines',
  message: 'Call me',
  formId: 'contact',
}

type Form = Readonly<Record<string, string>>

const start = (engine: UseCaseEngine, options: Partial<UseCaseOptions> = {}) =>
  useCaseBench({ engine, config: 'config/web-form-leads.yaml', ...options })

/** As a script of the web site posts it. */
const postJson = (bench: UseCaseBench, form: Form) => bench.post('/hooks/lead-form', JSON.stringify(form), KEY)

async function posted(bench: UseCaseBench, ...forms: Form[]): Promise<void> {
  const statuses = await Promise.all(forms.map(form => postJson(bench, form)))
  expect(new Set(statuses)).toEqual(new Set([202]))
  await bench.settled()
}

const emailOf = (row: object) => (row as { emails: { primaryEmail: string } }).emails.primaryEmail
const domains = ({ twenty }: UseCaseBench) =>
  twenty.rows('companies').map(row => (row.domainName as { primaryLinkUrl: string }).primaryLinkUrl)
const subjects = ({ mail }: UseCaseBench) => mail.mails.map(({ parsed }) => parsed.subject)
const counts = ({ twenty, mail }: UseCaseBench) => [
  ...['people', 'companies', 'tasks'].map(object => twenty.rows(object).length),
  mail.mails.length,
]

export function describeWebFormLeads(engine: UseCaseEngine): void {
  describe(`web-form leads on ${engine.name}`, () => {
    it('makes company, person, task and mail of a form, and nothing of the same form sent again (P3)', async () => {
      const bench = await start(engine)
      await posted(bench, ada)
      const [person] = bench.twenty.rows('people')
      const [company] = bench.twenty.rows('companies')
      const [task] = bench.twenty.rows('tasks')
      const rep = bench.twenty.members.find(member => member.userEmail === 'rep@example.com')
      expect(company).toMatchObject({
        name: 'Analytical Engines',
        domainName: { primaryLinkUrl: 'analytical.example' },
      })
      expect(person).toMatchObject({
        name: { firstName: 'Ada', lastName: 'Lovelace' },
        emails: { primaryEmail: 'ada@analytical.example' },
        companyId: company!.id,
      })
      expect(task).toMatchObject({
        title: 'Call Ada Lovelace',
        status: 'TODO',
        assigneeId: rep!.id,
        bodyV2: { markdown: 'Call me' },
      })
      expect(bench.twenty.rows('taskTargets')).toMatchObject([{ taskId: task!.id, targetPersonId: person!.id }])
      expect(bench.twenty.rows('notes')).toMatchObject([{ title: 'Welcome, Ada' }])
      expect(bench.mail.mails.map(({ to, parsed }) => [to, parsed.subject, parsed.replyTo?.value])).toEqual([
        [
          ['sales@example.com'],
          'New lead: Ada Lovelace',
          [{ name: 'Ada Lovelace', address: 'ada@analytical.example' }],
        ],
      ])

      const before = bench.snapshot()
      await posted(bench, ada, ada, { ...ada, email: 'ada@analytical.EXAMPLE' })
      await bench.redeliver('person.created')
      expect(bench.snapshot()).toEqual(before)
      expect(await bench.deadLetters()).toEqual([])
    })

    it.each<[string, () => string | URLSearchParams | FormData]>([
      ['JSON', () => JSON.stringify(ada)],
      ['a urlencoded form', () => new URLSearchParams(ada)],
      [
        'a multipart form',
        () => {
          const form = new FormData()
          for (const [name, value] of Object.entries(ada)) form.append(name, value)
          return form
        },
      ],
    ])('takes %s', async (_, body) => {
      const bench = await start(engine)
      expect(await bench.post('/hooks/lead-form', body(), KEY)).toBe(202)
      await bench.settled()
      expect(counts(bench)).toEqual([1, 1, 1, 1])
    })

    it.each<[string, Form, string]>([
      ['no e-mail', { name: 'Nobody', formId: 'contact' }, 'email'],
      ['an e-mail that is none', { ...ada, email: 'not-an-address' }, 'email'],
      ['an e-mail with two domains', { ...ada, email: 'a@b.example@c.example' }, 'email'],
      ['an unknown field', { ...ada, role: 'admin' }, 'role'],
    ])('keeps a form with %s, with its reason, and writes nothing', async (_, form, field) => {
      const bench = await start(engine)
      await posted(bench, form)
      expect(await bench.deadLetters()).toMatchObject([
        { code: 'VALIDATION_FAILED', message: expect.stringContaining(field) },
      ])
      expect(counts(bench)).toEqual([0, 0, 0, 0])
    })

    it('answers a bot that fills in the hidden field like everybody, and keeps nothing', async () => {
      const bench = await start(engine)
      await posted(bench, { ...ada, website: 'http://spam.example' })
      expect(counts(bench)).toEqual([0, 0, 0, 0])
      expect(await bench.deadLetters()).toEqual([])
    })

    it('lets nobody in without the key', async () => {
      const bench = await start(engine)
      expect(await bench.post('/hooks/lead-form', JSON.stringify(ada))).toBe(401)
      await bench.settled()
      expect(counts(bench)).toEqual([0, 0, 0, 0])
    })

    it('makes one company of two forms that come at the same instant', async () => {
      const bench = await start(engine)
      await posted(
        bench,
        { email: 'alan@bletchley.example', name: 'Alan Turing', formId: 'contact' },
        { email: 'joan@bletchley.example', name: 'Joan Clarke', formId: 'contact' },
      )
      expect(domains(bench)).toEqual(['bletchley.example'])
      expect(counts(bench)).toEqual([2, 1, 2, 2])
      expect(new Set(bench.twenty.rows('people').map(row => row.companyId)).size).toBe(1)
    })

    it('makes no company of a free-mail address', async () => {
      const bench = await start(engine)
      await posted(bench, { email: 'Grace.Hopper@gmail.com', name: 'Grace Hopper', formId: 'contact' })
      expect(counts(bench)).toEqual([1, 0, 1, 1])
    })

    it('keeps a Cyrillic name, and finds the company of an internationalised domain again', async () => {
      const bench = await start(engine)
      await posted(bench, { email: 'анна@Пример.example', name: 'Анна Каренина', formId: 'contact' })
      await posted(bench, { email: 'boris@xn--e1afmkfd.example', name: 'Boris', formId: 'contact' })
      expect(domains(bench)).toEqual(['xn--e1afmkfd.example'])
      expect(bench.twenty.rows('people').map(emailOf).sort()).toEqual([
        'boris@xn--e1afmkfd.example',
        'анна@пример.example',
      ])
      expect(bench.twenty.rows('people')[0]).toMatchObject({ name: { firstName: 'Анна', lastName: 'Каренина' } })
      expect(subjects(bench)).toEqual(['New lead: Анна Каренина', 'New lead: Boris'])
      expect(await bench.deadLetters()).toEqual([])
    })

    it('P7: fills what is empty in a record that exists, and overwrites nothing', async () => {
      const bench = await start(engine, {
        seed: twenty => {
          twenty.seed('companies', [{ name: 'Analytical Ltd', domainName: { primaryLinkUrl: 'analytical.example' } }])
          twenty.seed('people', [
            { name: { firstName: 'Augusta', lastName: 'King' }, emails: { primaryEmail: 'ada@analytical.example' } },
          ])
        },
      })
      await posted(bench, ada)
      expect(bench.twenty.rows('companies')).toMatchObject([{ name: 'Analytical Ltd' }])
      expect(bench.twenty.rows('people')).toMatchObject([
        { name: { firstName: 'Augusta', lastName: 'King' }, companyId: bench.twenty.rows('companies')[0]!.id },
      ])
      expect(counts(bench)).toEqual([1, 1, 1, 1])
    })

    it('holds a mail whose outcome is not known, and has done the rest once (P3)', async () => {
      const bench = await start(engine)
      bench.mail.faults.cut = 'mail'
      await posted(bench, ada)
      expect(await bench.deadLetters()).toMatchObject([{ code: 'OUTCOME_UNKNOWN' }])
      expect([bench.mail.received, ...counts(bench)]).toEqual([1, 1, 1, 1, 0])
    })
  })
}
