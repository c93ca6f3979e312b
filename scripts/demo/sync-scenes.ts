import { eventually, type Stack } from '../stack/stack.ts'
import { email, expect, fullName, live, type Row, type Scene } from './scenes.ts'

const ADA = 'ada@analytical.example'

/** Twenty's people and the contacts of an ERP, as `config/two-way-sync.yaml` keeps them in step. */
export const SYNC_SCENES: readonly Scene[] = [
  {
    title: 'An ERP with contacts of its own is kept in step, in both directions',
    async play(stack) {
      const grace = { first_name: 'Grace', last_name: 'Hopper', email: 'grace@navy.example', title: 'Admiral' }
      stack.erp!.asUser('Erna').create('contacts', grace)
      await eventually('Grace in Twenty', () => personOf(stack, grace.email) !== undefined)
      await eventually('everybody in both', () => inStep(stack))
      const people = live(stack.twenty, 'people').length
      return [
        `contacts ${people} people of Twenty are contacts of the ERP, and the other way round; each once`,
        `Grace    made in the ERP, now in Twenty: ${fullName(personOf(stack, grace.email)!)}`,
      ]
    },
  },
  {
    title: 'Ada’s name is corrected in Twenty, her title in the ERP',
    async play(stack) {
      colleague(stack).update('people', String(personOf(stack, ADA)!.id), {
        name: { firstName: 'Ada', lastName: 'King-Noel' },
      })
      stack.erp!.asUser('Erna').update('contacts', contactOf(stack, ADA)!.id, { title: 'Enchantress of Number' })
      await eventually('both corrections on both sides', () => {
        const person = personOf(stack, ADA)!
        const contact = contactOf(stack, ADA)!
        return contact.last_name === 'King-Noel' && person.jobTitle === 'Enchantress of Number'
      })
      return ['each went over, field by field; neither came back as an echo']
    },
  },
  {
    title: 'Both change Grace’s title while the daemon is away: a person is asked',
    async play(stack) {
      const address = 'grace@navy.example'
      await stack.daemon.end('SIGTERM')
      colleague(stack).update('people', String(personOf(stack, address)!.id), { jobTitle: 'Rear Admiral' })
      stack.erp!.asUser('Erna').update('contacts', contactOf(stack, address)!.id, { title: 'Commodore' })
      await stack.daemon.start()
      const question = () =>
        live(stack.twenty, 'tasks').find(task => String(task.title).startsWith('Which value is right?'))
      await eventually('a task that asks', () => question() !== undefined)
      const task = question()!
      const { markdown } = task.bodyV2 as { markdown: string }
      const ticked = markdown.replace(/- \[ \](.*Commodore)/, '- [x]$1')
      expect(ticked !== markdown, `a line to tick for Commodore in:\n${markdown}`)
      colleague(stack).update('tasks', String(task.id), { bodyV2: { markdown: ticked } })
      await eventually('the answer on both sides', () => {
        const titles = [personOf(stack, address)!.jobTitle, contactOf(stack, address)!.title]
        return titles.every(title => title === 'Commodore')
      })
      await eventually('the task is closed', () => question()?.status === 'DONE')
      return [
        `task     “${task.title}” lists both titles`,
        'answer   one line ticked in Twenty: Commodore, now on both sides, and the task is done',
      ]
    },
  },
]

function colleague({ twenty }: Stack) {
  return twenty.asUser(String(twenty.members[0]!.id))
}

function personOf({ twenty }: Stack, address: string): Row | undefined {
  return live(twenty, 'people').find(row => email(row) === address)
}

function contactOf({ erp }: Stack, address: string): (Row & { id: string }) | undefined {
  return erp!.rows('contacts').find(row => row.email === address)
}

function inStep(stack: Stack): boolean {
  const here = live(stack.twenty, 'people').map(row => `${email(row)} ${fullName(row)}`)
  const there = stack.erp!.rows('contacts').map(row => `${row.email} ${row.first_name} ${row.last_name}`)
  return JSON.stringify(here.sort()) === JSON.stringify(there.sort())
}
