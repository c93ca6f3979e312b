import { expect, it } from 'vitest'
import type { SandboxTwenty } from '../../sandbox/twenty/server.ts'
import { eventually, type Stack } from '../../scripts/stack/stack.ts'

export interface Contact {
  readonly id: string
  readonly first: string
  readonly last: string
  readonly email: string
  readonly title: string
}

/** The side beside Twenty, as a person who works there sees it. Only what is not deleted. */
export interface OtherSide {
  contacts(): Promise<Contact[]>
  create(contact: Omit<Contact, 'id'>): Promise<void>
  update(id: string, change: Partial<Omit<Contact, 'id'>>): Promise<void>
  remove(id: string): Promise<void>
}

export interface SyncStage {
  readonly stack: Stack
  readonly other: OtherSide
}

export function twentySide(twenty: SandboxTwenty): OtherSide {
  const user = () => twenty.asUser(String(twenty.members[0]!.id))
  return {
    contacts: async () =>
      twenty
        .rows('people')
        .filter(row => !row.deletedAt)
        .map(contactOf),
    create: async ({ first, last, email, title }) => {
      user().create('people', {
        name: { firstName: first, lastName: last },
        emails: { primaryEmail: email },
        jobTitle: title,
      })
    },
    update: async (id, change) => {
      const now = contactOf(twenty.rows('people').find(row => row.id === id)!)
      const { first, last, email, title } = { ...now, ...change }
      user().update('people', id, {
        name: { firstName: first, lastName: last },
        emails: { primaryEmail: email },
        jobTitle: title,
      })
    },
    remove: async id => {
      user().softDelete('people', id)
    },
  }
}

function contactOf(row: Record<string, unknown>): Contact {
  const { name, emails, jobTitle } = row as {
    name: { firstName: string; lastName: string }
    emails: { primaryEmail: string }
    jobTitle: string | null
  }
  return {
    id: String(row.id),
    first: name.firstName,
    last: name.lastName,
    email: emails.primaryEmail,
    title: jobTitle ?? '',
  }
}

const ADA = { first: 'Ada', last: 'Byron', email: 'ada@example.com', title: 'Analyst' }
const GRACE = { first: 'Grace', last: 'Hopper', email: 'grace@example.com', title: '' }

/** What every pair of systems must do, on every engine. `stage` has `ada` on the other side alone when it starts. */
export function syncScenario(stage: () => SyncStage): void {
  const here = () => twentySide(stage().stack.twenty)
  const there = () => stage().other
  const both = async () => {
    const strip = (contacts: Contact[]) => contacts.map(({ id: _, ...rest }) => JSON.stringify(rest)).sort()
    return [strip(await here().contacts()), strip(await there().contacts())] as const
  }
  const equal = async () => {
    const [left, right] = await both()
    return JSON.stringify(left) === JSON.stringify(right)
  }
  /** What still differs, with what the product says of it. */
  const untilEqual = async (ms?: number) => {
    try {
      await eventually('both sides are equal', equal, ms)
    } catch (cause) {
      const [left, right] = await both()
      const differs = [
        ...left.filter(text => !right.includes(text)),
        '---',
        ...right.filter(text => !left.includes(text)),
      ]
      const { stdout } = await stage().stack.cli('conflicts', 'list')
      throw new Error(`${String(cause)}\n${differs.join('\n')}\n${stdout}`)
    }
  }
  const find = async (side: OtherSide, email: string) =>
    (await side.contacts()).find(contact => contact.email === email)

  it('brings what one side alone has to the other (first sync)', async () => {
    await eventually('ada is here', async () => (await find(here(), ADA.email)) !== undefined)
    expect(await equal()).toBe(true)
  }, 60_000)

  it('brings edits over in both directions, and each write once (P5, P6)', async () => {
    await there().update((await find(there(), ADA.email))!.id, { title: 'Countess' })
    await eventually('title here', async () => (await find(here(), ADA.email))?.title === 'Countess')
    await here().update((await find(here(), ADA.email))!.id, { first: 'Augusta' })
    await eventually('name there', async () => (await find(there(), ADA.email))?.first === 'Augusta')
    await untilEqual()
  }, 60_000)

  it('makes one pair of a record that both sides get at the same instant (P3)', async () => {
    await Promise.all([here().create(GRACE), there().create(GRACE)])
    await here().create({ ...GRACE, first: 'Later', email: 'later@example.com' })
    await eventually('the later one is there', async () => (await find(there(), 'later@example.com')) !== undefined)
    await here().update((await find(here(), GRACE.email))!.id, { title: 'Admiral' })
    await eventually('they are a pair', async () => (await find(there(), GRACE.email))?.title === 'Admiral')
    const [left, right] = await both()
    expect(left.filter(text => text.includes(GRACE.email))).toHaveLength(1)
    expect(right.filter(text => text.includes(GRACE.email))).toHaveLength(1)
  }, 60_000)

  it('converges after edits on both sides while nothing ran (P5)', async () => {
    const { daemon } = stage().stack
    await daemon.end('SIGTERM')
    await here().update((await find(here(), ADA.email))!.id, { first: 'Older' })
    await there().update((await find(there(), GRACE.email))!.id, { last: 'Murray' })
    // Further apart than what counts as simultaneous.
    await pastSkew()
    await there().update((await find(there(), ADA.email))!.id, { first: 'Newer' })
    await daemon.start()
    await eventually('the newer name is here', async () => (await find(here(), ADA.email))?.first === 'Newer')
    await untilEqual()
  }, 90_000)

  it('loses and doubles nothing when it is killed in the middle (P2, P3)', async () => {
    const { daemon } = stage().stack
    const names = Array.from({ length: 12 }, (_, n) => `n${n}`)
    for (const [n, name] of names.entries()) {
      const contact = { first: name, last: 'K', email: `${name}@example.com`, title: '' }
      await (n % 2 ? here() : there()).create(contact)
      if (n % 7 === 3) {
        await daemon.end('SIGKILL')
        await daemon.start()
      }
    }
    await eventually('all are here', async () => (await here().contacts()).length >= 15, 60_000)
    await untilEqual(60_000)
    for (const side of [here(), there()]) {
      const emails = (await side.contacts()).map(contact => contact.email)
      expect(new Set(emails).size).toBe(emails.length)
    }
  }, 120_000)

  it('takes a deletion over (P7)', async () => {
    await here().remove((await find(here(), 'later@example.com'))!.id)
    await eventually('gone there', async () => (await find(there(), 'later@example.com')) === undefined)
  }, 60_000)
}

/** Longer than `skewTolerance` of the configs, a second that a coarse clock cuts off, and one that Date headers leave open. */
function pastSkew(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 4500))
}
