import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxRest, startSandboxRest } from '../../sandbox/rest/server.ts'
import type { RestRow } from '../../sandbox/rest/store.ts'
import type { Fields } from '../../src/event.ts'
import type { Decision } from '../../src/sync/decisions.ts'
import { type UseCaseBench, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SECRET = 'bench-erp-secret'
const HOUR = 3_600_000

interface Populated {
  /** Beside Ada, who is on both sides. */
  readonly people?: readonly Fields[]
  readonly contacts?: readonly Fields[]
  /** Of the ERP's clock. */
  readonly skewMs?: number
  /** Webhooks of the two are all that tells, unless a test wants polls. */
  readonly pollEvery?: string
}

class Stage {
  readonly bench: UseCaseBench
  readonly erp: SandboxRest

  private constructor(bench: UseCaseBench, erp: SandboxRest) {
    this.bench = bench
    this.erp = erp
  }

  static async start(engine: UseCaseEngine, populated: Populated = {}): Promise<Stage> {
    const { people = [], contacts = [], skewMs = 0, pollEvery = '7d' } = populated
    const clock = new VirtualClock()
    const settings = { skewMs, unique: [] }
    const erp = await startSandboxRest({ now: () => clock.now(), random: () => 0.5, settings })
    onTestFinished(() => erp.stop())
    erp.seed('contacts', [contact('Ada', 'Lovelace', { title: 'Countess' }), ...contacts])
    const bench = await useCaseBench({
      engine,
      config: 'config/two-way-sync.yaml',
      clock,
      env: { ERP_URL: erp.url, ERP_TOKEN: erp.token, ERP_WEBHOOK_SECRET: SECRET },
      systems: { erp: { pollEvery }, twenty: { pollEvery } },
      seed: twenty => void twenty.seed('people', [person('Ada', 'Lovelace'), ...people]),
    })
    const stage = new Stage(bench, erp)
    erp.settings.webhook = { url: `${bench.url}/hooks/erp`, secret: SECRET, record: true, changes: true }
    await stage.settled()
    return stage
  }

  /** Nobody has anything to tell or to do. */
  async settled(): Promise<void> {
    const { bench, erp } = this
    for (let seen = -1; seen !== erp.calls.length + erp.deliveries.length; ) {
      seen = erp.calls.length + erp.deliveries.length
      await bench.during(erp.settled())
      await bench.settled()
    }
  }

  /** As people at work on either side. */
  async edit({ here, there }: { here?: Fields; there?: Fields }, name = 'Ada'): Promise<void> {
    if (here) this.bench.user.update('people', this.person(name).id, here)
    if (there) this.erp.asUser('Erna').update('contacts', this.contact(name).id, there)
    await this.settled()
  }

  person(name: string): Fields & { id: string } {
    const found = this.people.find(row => (row.name as Fields).firstName === name)
    if (!found) throw new Error(`no ${name} in Twenty`)
    return found
  }

  contact(name: string): RestRow {
    const found = this.erp.rows('contacts').find(row => row.email === emailOf(name))
    if (!found) throw new Error(`no ${name} in the ERP`)
    return found
  }

  get people(): (Fields & { id: string })[] {
    return this.bench.twenty.rows('people').filter(row => !row.deletedAt) as (Fields & { id: string })[]
  }

  /** Whoever is in Twenty and whoever is in the ERP: address, names and title. */
  get both(): [here: string[], there: string[]] {
    const here = this.people.map(row => {
      const { name, emails, jobTitle } = row as unknown as Record<'name' | 'emails', Record<string, string>> & Fields
      return [emails.primaryEmail, name.firstName, name.lastName, jobTitle || null].join(' ')
    })
    const there = this.erp
      .rows('contacts')
      .map(({ email, first_name, last_name, title }) => [email, first_name, last_name, title || null].join(' '))
    return [here.sort(), there.sort()]
  }

  /** Writes of ours: to Twenty, and to the ERP with what they said. */
  get writes(): [here: number, there: unknown[]] {
    const there = this.erp.calls.filter(({ method }) => method !== 'GET')
    return [this.bench.writes().length, there.map(({ method, body }) => [method, body])]
  }

  get snapshot(): object {
    return { ...this.bench.snapshot(), contacts: structuredClone(this.erp.rows('contacts')), writes: this.writes }
  }

  conflicts() {
    return this.bench.during(this.bench.operations.listConflicts({}))
  }

  /** The pair of a person, in full. */
  link(name: string) {
    return this.bench.during(this.bench.operations.showLink({ id: this.person(name).id }))
  }

  async decide(decision: Decision): Promise<void> {
    const [conflict] = await this.conflicts()
    await this.bench.during(this.bench.operations.resolveConflict({ id: conflict!.link, decision }))
    await this.settled()
  }

  /** Both sides completely, as it is done every night. */
  async compare(): Promise<void> {
    const compare = async () => {
      for await (const _ of this.bench.operations.reconcile({ sync: 'contacts' }, new AbortController().signal));
    }
    await this.bench.during(compare())
    await this.settled()
  }

  /** Every webhook of both sides once more. */
  async redeliver(): Promise<void> {
    const sent = this.erp.deliveries.filter(({ status }) => status === 202)
    for (const { url, headers, body } of sent) {
      const { status } = await this.bench.during(fetch(url, { method: 'POST', headers, body }))
      expect(status).toBe(202)
    }
    await this.bench.redeliver()
    await this.settled()
  }
}

const emailOf = (name: string) => `${name.toLowerCase()}@example.com`
const person = (firstName: string, lastName: string, more: Fields = {}): Fields => ({
  name: { firstName, lastName },
  emails: { primaryEmail: emailOf(firstName) },
  ...more,
})
const contact = (first: string, last: string, more: Fields = {}): Fields => ({
  first_name: first,
  last_name: last,
  email: emailOf(first),
  ...more,
})

export function describeTwoWaySync(engine: UseCaseEngine): void {
  describe(`two-way sync on ${engine.name}`, () => {
    it('pairs two populated systems by address, makes who is missing, guesses nothing, and does it once (P3)', async () => {
      const stage = await Stage.start(engine, {
        people: [person('Eve', 'Adams'), person('Twin', 'One')],
        contacts: [contact('Bob', 'Burns'), contact('Twin', 'One'), contact('Twin', 'Two')],
      })
      const [here, there] = stage.both
      const ambiguous = ['twin@example.com Twin One ', 'twin@example.com Twin Two ']
      const paired = [
        'ada@example.com Ada Lovelace Countess',
        'bob@example.com Bob Burns ',
        'eve@example.com Eve Adams ',
      ]
      expect(here).toEqual([...paired, ambiguous[0]])
      expect(there).toEqual([...paired, ...ambiguous])
      const conflicts = await stage.conflicts()
      expect(new Set(conflicts.map(({ kind }) => kind))).toEqual(new Set(['ambiguous']))

      const before = stage.snapshot
      await stage.bench.restart()
      await stage.settled()
      expect(stage.snapshot).toEqual(before)
    })

    it('takes edits over in both directions, remembers that and since when they are in step, and knows its echoes (P5, P6)', async () => {
      const stage = await Stage.start(engine)
      await stage.bench.advance(10_000)
      const [began, [writes]] = [stage.bench.clock.now(), stage.writes]
      await stage.edit({ here: { name: { firstName: 'Ada', lastName: 'King' } } })
      await stage.edit({ there: { title: 'Enchantress' } })
      expect(stage.both[0]).toEqual(['ada@example.com Ada King Enchantress'])
      expect(stage.both[1]).toEqual(stage.both[0])
      expect(stage.writes).toEqual([writes + 1, [['PATCH', { last_name: 'King' }]]])
      const { state, fields } = await stage.link('Ada')
      expect(state).toBe('in step')
      // By the clocks of the sides, which are known to the second.
      const since = fields.map(({ name, agreed }) => [name, Date.parse(agreed!.at) > began - 5000])
      expect(since.filter(([, isNew]) => isNew).map(([name]) => name)).toEqual(['name.lastName', 'jobTitle'])

      const before = stage.snapshot
      await stage.redeliver()
      await stage.bench.restart()
      await stage.redeliver()
      expect(stage.snapshot).toEqual(before)
      expect(await stage.conflicts()).toEqual([])
    })

    it('asks in a task where both were edited at once, lets the other fields through, and takes the tick for an answer', async () => {
      const stage = await Stage.start(engine)
      const edits = { here: { jobTitle: 'Analyst' }, there: { title: 'Engineer', last_name: 'King' } }
      await stage.edit(edits)
      expect(stage.both).toEqual([['ada@example.com Ada King Analyst'], ['ada@example.com Ada King Engineer']])
      const [task, ...more] = stage.bench.twenty.rows('tasks')
      expect(more).toEqual([])
      expect(task!.title).toMatch(/^Which value is right\? person Ada \w+: jobTitle$/)
      const { markdown } = task!.bodyV2 as { markdown: string }
      expect(markdown).toContain('Analyst')
      const ticked = markdown.replace(/- \[ \](.*Engineer)/, '- [x]$1')
      stage.bench.user.update('tasks', String(task!.id), { bodyV2: { markdown: ticked } })
      await stage.settled()
      expect(stage.both).toEqual([['ada@example.com Ada King Engineer'], ['ada@example.com Ada King Engineer']])
      expect(stage.bench.twenty.rows('tasks')).toMatchObject([{ status: 'DONE' }])
    })

    it('ends with the last value when webhooks come late, twice and in the wrong order (P4, P5)', async () => {
      const stage = await Stage.start(engine)
      const { webhooks } = stage.erp.faults
      Object.assign(webhooks, { hold: true, duplicateRate: 1 })
      Object.assign(stage.bench.twenty.faults.webhooks, { reorderWithinMs: 20_000, duplicates: 1 })
      for (const name of ['One', 'Two', 'Three']) {
        stage.erp.asUser('Erna').update('contacts', stage.contact('Ada').id, { last_name: name })
        stage.bench.user.update('people', stage.person('Ada').id, { jobTitle: name })
        await stage.bench.clock.advance(5000)
      }
      webhooks.hold = false
      await stage.bench.during(stage.erp.release('reversed'))
      await stage.bench.advance(20_000)
      await stage.settled()
      expect(stage.both).toEqual([['ada@example.com Ada Three Three'], ['ada@example.com Ada Three Three']])
      expect(await stage.conflicts()).toEqual([])
    })

    it('finds by its polls what no webhook told of (P2)', async () => {
      const stage = await Stage.start(engine, { pollEvery: '1m' })
      stage.erp.faults.webhooks.loseRate = 1
      stage.bench.twenty.faults.webhooks.dropRate = 1
      stage.bench.user.create('people', person('Grace', 'Hopper'))
      stage.erp.asUser('Erna').create('contacts', contact('Bob', 'Burns'))
      await stage.edit({ there: { title: 'Enchantress' } })
      await stage.bench.advance(150_000)
      await stage.settled()
      const all = [
        'ada@example.com Ada Lovelace Enchantress',
        'bob@example.com Bob Burns ',
        'grace@example.com Grace Hopper ',
      ]
      expect(stage.both).toEqual([all, all])
    })

    it('leaves to a person what becomes of the other record of a deleted one; a late event brings nobody back (P7)', async () => {
      const stage = await Stage.start(engine, { people: [person('Eve', 'Adams')] })
      await stage.edit({ there: { title: 'Enchantress' } })
      stage.bench.user.softDelete('people', stage.person('Ada').id)
      await stage.settled()
      expect(await stage.conflicts()).toMatchObject([{ kind: 'delete' }])
      expect(stage.both[1]).toContain('ada@example.com Ada Lovelace Enchantress')
      await stage.decide({ kind: 'delete' })
      expect(stage.both).toEqual([['eve@example.com Eve Adams '], ['eve@example.com Eve Adams ']])
      await stage.redeliver()
      expect(stage.both).toEqual([['eve@example.com Eve Adams '], ['eve@example.com Eve Adams ']])

      // Gone without a word: the complete comparison finds it.
      stage.erp.vanish('contacts', [stage.contact('Eve').id])
      await stage.compare()
      expect(await stage.conflicts()).toMatchObject([{ kind: 'delete' }])
      await stage.decide({ kind: 'recreate' })
      expect(stage.both).toEqual([['eve@example.com Eve Adams '], ['eve@example.com Eve Adams ']])
    })

    it.each([
      ['ahead', HOUR],
      ['behind', -HOUR],
    ])('lets the later edit win although the clock of the ERP is an hour %s (P5)', async (_, skewMs) => {
      const stage = await Stage.start(engine, { skewMs, people: [person('Eve', 'Adams')] })
      await stage.bench.stop()
      const here = (name: string, lastName: string) =>
        stage.bench.user.update('people', stage.person(name).id, { name: { firstName: name, lastName } })
      const there = (name: string, lastName: string) =>
        void stage.erp.asUser('Erna').update('contacts', stage.contact(name).id, { last_name: lastName })
      here('Ada', 'Early')
      there('Eve', 'Early')
      await stage.bench.clock.advance(10_000)
      there('Ada', 'Late')
      here('Eve', 'Late')
      await stage.bench.start()
      await stage.settled()
      const all = ['ada@example.com Ada Late Countess', 'eve@example.com Eve Late ']
      expect(stage.both).toEqual([all, all])
    })
  })
}
