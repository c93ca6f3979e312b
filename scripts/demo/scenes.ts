import type { SandboxTwenty } from '../../sandbox/twenty/server.ts'
import { eventually, type Stack } from '../stack/stack.ts'

export type Row = Record<string, unknown>

/** One thing that happens, what must come of it, and how to say it. */
export interface Scene {
  readonly title: string
  /** Does it; the lines tell what was seen. @throws Error when it did not come out as it must. */
  play(stack: Stack): Promise<string[]>
}

const ada = {
  email: 'Ada@Analytical.example',
  name: 'Ada Lovelace',
  company: 'Analytical Engines',
  message: 'Call me',
  formId: 'contact',
}

export const SCENES: readonly Scene[] = [
  {
    title: 'Ada fills in the web form',
    async play(stack) {
      const status = await stack.postForm(ada)
      const { twenty } = stack
      await eventually('a task for Ada', () => linked(twenty, 'ada@analytical.example').tasks.length === 1)
      await eventually('a mail to the sales team', () => stack.mail.mails.length === 1)
      const { person, company, tasks } = linked(twenty, 'ada@analytical.example')
      const [mail] = stack.mail.mails
      return [
        `form answered ${status}, only after the event was durable`,
        `company  ${domain(company!)} “${company!.name}” created`,
        `person   ${fullName(person!)} <${email(person!)}> created, linked to the company`,
        `task     “${tasks[0]!.title}”, due ${String(tasks[0]!.dueAt).slice(0, 10)}, assigned to ${member(twenty, tasks[0]!.assigneeId)}, linked to the person`,
        `mail     “${subject(mail!.raw)}” to ${mail!.to.join(', ')}`,
      ]
    },
  },
  {
    title: 'Twenty reports the new person back, and that starts a second flow',
    async play({ twenty }) {
      await eventually('a welcome note for Ada', () => linked(twenty, 'ada@analytical.example').notes.length === 1)
      const { notes } = linked(twenty, 'ada@analytical.example')
      return [`note     “${notes[0]!.title}” linked to her; the form flow itself skips the echo of its own write`]
    },
  },
  {
    title: 'The same form arrives again, three times at once',
    async play(stack) {
      const before = counts(stack.twenty)
      await Promise.all([1, 2, 3].map(() => stack.postForm(ada)))
      await stack.settled()
      same(before, counts(stack.twenty))
      return ['accepted, recognised, and nothing written twice']
    },
  },
  {
    title: 'Two people of one new company post at the same instant',
    async play(stack) {
      const post = (name: string) =>
        stack.postForm({ email: `${name}@bletchley.example`, name: `${name} Park`, formId: 'contact' })
      await Promise.all([post('Alan'), post('Joan')])
      await eventually('both people', () =>
        ['alan', 'joan'].every(name => linked(stack.twenty, `${name}@bletchley.example`).tasks.length === 1),
      )
      const companies = live(stack.twenty, 'companies').filter(row => domain(row) === 'bletchley.example')
      expect(companies.length === 1, `one company, not ${companies.length}`)
      return ['one company bletchley.example, two people, two tasks']
    },
  },
  {
    title: 'A bot fills in the hidden field; somebody mistypes an address; a free-mail address comes',
    async play(stack) {
      const before = counts(stack.twenty)
      const bot = await stack.postForm({ ...ada, email: 'bot@spam.example', website: 'http://spam.example' })
      await stack.postForm({ email: 'not-an-address', name: 'Nobody', formId: 'contact' })
      await stack.postForm({ email: 'Grace.Hopper@gmail.com', name: 'Grace Hopper', formId: 'contact' })
      await eventually('Grace', () => linked(stack.twenty, 'grace.hopper@gmail.com').tasks.length === 1)
      await stack.settled()
      expect(counts(stack.twenty).people === before.people + 1, 'one more person')
      expect(counts(stack.twenty).companies === before.companies, 'no company for gmail.com')
      const letters = JSON.parse((await stack.cli('dead-letters', 'list', '--json')).stdout) as { letter: Row }[]
      expect(
        letters.some(({ letter }) => letter.code === 'VALIDATION_FAILED'),
        'a dead letter for the mistyped address',
      )
      return [
        `bot      answered ${bot}, like everybody; nothing written`,
        `address  kept as a dead letter: ${String(letters[0]!.letter.message).split('\n')[0]}`,
        'Grace    a person without a company: gmail.com is nobody’s company',
      ]
    },
  },
  {
    title: 'A colleague edits Ada in Twenty; then the form comes with another spelling of her name',
    async play(stack) {
      const { person } = linked(stack.twenty, 'ada@analytical.example')
      const colleague = stack.twenty.asUser(String(stack.twenty.members[0]!.id))
      colleague.update('people', String(person!.id), {
        name: { firstName: 'Augusta Ada', lastName: 'King' },
        jobTitle: 'Countess',
      })
      await stack.postForm({ ...ada, formId: 'newsletter', name: 'ada l.' })
      await eventually('the second task', () => linked(stack.twenty, 'ada@analytical.example').tasks.length === 2)
      const after = linked(stack.twenty, 'ada@analytical.example').person!
      expect(fullName(after) === 'Augusta Ada King', `the colleague’s name stays, not ${fullName(after)}`)
      return [`the form may fill empty fields, never overwrite: she is still ${fullName(after)}, ${after.jobTitle}`]
    },
  },
  {
    title: 'The daemon is killed (kill -9) while forty forms come in',
    async play(stack) {
      const forms = Array.from({ length: 40 }, (_, n) => ({
        email: `guest${n}@crash.example`,
        name: `Guest ${n}`,
        formId: 'crash',
      }))
      const accepted: typeof forms = []
      const posts = forms.map(form =>
        stack.postForm(form).then(
          status => {
            if (status === 202) accepted.push(form)
          },
          () => {},
        ),
      )
      // In the middle of it: some are answered, some are not.
      await eventually('a dozen answers', () => accepted.length >= 12)
      await stack.daemon.end('SIGKILL')
      await Promise.all(posts)
      await stack.daemon.start()
      await eventually(
        'every accepted form has its task',
        () => accepted.every(form => linked(stack.twenty, form.email).tasks.length > 0),
        150_000,
      )
      await stack.settled()
      const wrong = accepted.filter(form => linked(stack.twenty, form.email).tasks.length !== 1)
      expect(
        wrong.length === 0,
        `each accepted form has exactly one task; not so for ${wrong.map(form => form.email).join(', ')}`,
      )
      return [
        `${accepted.length} of 40 were answered 202 before the kill; after the restart each has its person and one task, none twice`,
        ...(await heldMails(stack)),
      ]
    },
  },
]

/** What nobody can know is not sent again by itself. */
async function heldMails(stack: Stack): Promise<string[]> {
  const listed = JSON.parse((await stack.cli('dead-letters', 'list', '--json')).stdout) as { letter: Row }[]
  const held = listed.filter(({ letter }) => letter.code === 'OUTCOME_UNKNOWN').length
  return held === 0
    ? []
    : [
        `${held} of their mails ${held === 1 ? 'was' : 'were'} on the way at that moment: held for a person, not sent twice`,
      ]
}

function linked(twenty: SandboxTwenty, address: string) {
  const person = live(twenty, 'people').find(row => email(row) === address)
  const company = person && live(twenty, 'companies').find(row => row.id === person.companyId)
  const of = (targets: string, field: string, object: string) => {
    const ids = live(twenty, targets)
      .filter(row => person && row.targetPersonId === person.id)
      .map(row => row[field])
    return live(twenty, object).filter(row => ids.includes(row.id))
  }
  return { person, company, tasks: of('taskTargets', 'taskId', 'tasks'), notes: of('noteTargets', 'noteId', 'notes') }
}

function counts(twenty: SandboxTwenty) {
  const count = (object: string) => live(twenty, object).length
  return { people: count('people'), companies: count('companies'), tasks: count('tasks'), notes: count('notes') }
}

export function live(twenty: SandboxTwenty, object: string): Row[] {
  return (twenty.rows(object) as Row[]).filter(row => !row.deletedAt)
}

export const email = (row: Row) => (row.emails as Row | undefined)?.primaryEmail
const domain = (row: Row) => (row.domainName as Row | undefined)?.primaryLinkUrl
export const fullName = (row: Row) => `${(row.name as Row).firstName} ${(row.name as Row).lastName}`

function same(before: object, after: object): void {
  expect(
    JSON.stringify(before) === JSON.stringify(after),
    `nothing new: ${JSON.stringify(before)} became ${JSON.stringify(after)}`,
  )
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it should be so: ${what}`)
}

function member({ members }: SandboxTwenty, id: unknown): string {
  return fullName(members.find(row => row.id === id)!)
}

export function subject(mail: string): string {
  return /^Subject: (.*)$/m.exec(mail)?.[1]?.trim() ?? ''
}
