import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import type { ActionUse, Delivery, Plan } from '../../src/sinks/sink.ts'
import { makeEvent } from '../support/make-event.ts'
import { item, type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

let bench: TwentyBench
const signal = new AbortController().signal

beforeEach(async () => {
  bench = await twentyBench()
  await bench.client.schemas.refresh()
  bench.twenty.resetCalls()
})
afterEach(() => bench.stop())

async function one(action: string, args: Fields, more = {}): Promise<Delivery | SyncError> {
  return (await bench.run([item(action, args, more)]))[0]!
}

async function planOf(action: string, args: Fields, more = {}): Promise<Plan> {
  const [plan] = await bench.sink.plan([item(action, args, more)], signal)
  if (plan instanceof SyncError) throw plan
  return plan!
}

const me = () => bench.twenty.asUser(String(bench.twenty.members[0]!.id))

function people(): Fields[] {
  return bench.twenty.rows('people') as Fields[]
}

describe('create', () => {
  it('makes the record under the id of the effect, without a read', async () => {
    const wanted = item('create', { object: 'person', values: { emails: 'Ada@Example.com', jobTitle: 'CTO' } })
    const [delivery] = await bench.run([wanted])
    expect(delivery).toMatchObject({
      status: 'delivered',
      ref: { object: 'person', id: wanted.id },
      result: { object: 'person', created: true, id: wanted.id, emails: { primaryEmail: 'ada@example.com' } },
    })
    expect(bench.recordCalls().map(call => call.method)).toEqual(['POST'])
    const [row] = people()
    expect(delivery).toMatchObject({ ref: { version: row!.updatedAt } })
  })

  it('P3: done again, it finds its own record', async () => {
    const args = { object: 'person', values: { emails: 'ada@example.com' } }
    const first = await one('create', args, { key: 'k' })
    for (const outcomeUnknown of [true, false]) {
      expect(await one('create', args, { key: 'k', outcomeUnknown })).toMatchObject({
        result: { id: (first as { ref: { id: string } }).ref.id, created: true },
      })
    }
    expect(people()).toHaveLength(1)
  })

  it('P3: an answer that is lost leaves the outcome unknown; the next try looks', async () => {
    bench.twenty.faults.http.loseAnswerNext = 1
    const args = { object: 'person', values: { emails: 'ada@example.com' } }
    const lost = await one('create', args, { key: 'k' })
    expect(lost).toMatchObject({ status: 'failed', error: { kind: 'retryable', outcomeUnknown: true } })
    expect(await one('create', args, { key: 'k', outcomeUnknown: true })).toMatchObject({ result: { created: true } })
    expect(people()).toHaveLength(1)
  })

  it('P7: what was made and then deleted is not made again', async () => {
    const args = { object: 'person', values: { emails: 'ada@example.com' } }
    const { ref } = (await one('create', args, { key: 'k' })) as { ref: { id: string } }
    me().softDelete('people', ref.id)
    const again = await planOf('create', args, { key: 'k', outcomeUnknown: true })
    expect(again.operation).toBe('none')
  })

  it('with match: only where none exists', async () => {
    bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' }, jobTitle: 'CEO' }])
    const args = {
      object: 'person',
      match: 'emails.primaryEmail',
      values: { emails: 'ada@example.com', jobTitle: 'CTO' },
    }
    expect(await one('create', args)).toMatchObject({ status: 'skipped', result: { jobTitle: 'CEO', created: false } })
    expect(people()).toHaveLength(1)
  })

  it('a taken unique value names the record that holds it', async () => {
    const [ada] = bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' } }])
    expect(await one('create', { object: 'person', values: { emails: 'ada@example.com' } })).toMatchObject({
      status: 'failed',
      error: { kind: 'rejected', code: 'TWENTY_DUPLICATE', message: expect.stringContaining(String(ada!.id)) },
    })
  })
})

describe('upsert', () => {
  const values = { name: { firstName: 'Ada' }, emails: { primaryEmail: ' ADA@example.com' }, jobTitle: 'CTO' }

  it('creates, then finds what it created, then has nothing to do', async () => {
    const args = { object: 'person', match: 'emails.primaryEmail', values }
    expect(await one('upsert', args)).toMatchObject({ result: { created: true } })
    const plan = await planOf('upsert', args)
    expect(plan).toMatchObject({ operation: 'none', result: { created: false, jobTitle: 'CTO' } })
  })

  it('sends only what differs, composites whole', async () => {
    bench.twenty.seed('people', [
      { name: { firstName: 'A.', lastName: 'Lovelace' }, emails: { primaryEmail: 'ada@example.com' }, jobTitle: 'CTO' },
    ])
    const plan = await planOf('upsert', { object: 'person', match: 'emails.primaryEmail', values })
    expect(plan).toMatchObject({
      operation: 'update',
      before: { name: { firstName: 'A.', lastName: 'Lovelace' } },
      after: { name: { firstName: 'Ada', lastName: 'Lovelace' } },
    })
    expect(Object.keys(plan.after!)).toEqual(['name'])
    expect(await bench.sink.deliver([plan], signal)).toMatchObject([{ result: { created: false } }])
    expect(people()[0]).toMatchObject({ name: { firstName: 'Ada', lastName: 'Lovelace' } })
  })

  it('fill-empty never touches what is filled in', async () => {
    bench.twenty.seed('people', [
      { name: { firstName: 'Augusta', lastName: null }, emails: { primaryEmail: 'ada@example.com' }, jobTitle: null },
    ])
    await one('upsert', {
      object: 'person',
      match: 'emails.primaryEmail',
      onMatch: 'fill-empty',
      values: {
        emails: { primaryEmail: 'ada@example.com', additionalEmails: ['x@example.com'] },
        name: { firstName: 'Ada', lastName: 'Lovelace' },
        jobTitle: 'CTO',
      },
    })
    expect(people()[0]).toMatchObject({ name: { firstName: 'Augusta', lastName: 'Lovelace' }, jobTitle: 'CTO' })
    expect(people()[0]!.emails).not.toMatchObject({ additionalEmails: ['x@example.com'] })
  })

  it('keep leaves an existing record as it is', async () => {
    bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' }, jobTitle: 'CEO' }])
    const plan = await planOf('upsert', { object: 'person', match: 'emails', onMatch: 'keep', values })
    expect(plan.operation).toBe('none')
  })

  it('P7: a match in the trash is held, restored or skipped, as told', async () => {
    const [ada] = bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' } }])
    me().softDelete('people', String(ada!.id))
    const args = { object: 'person', match: 'emails.primaryEmail', values }
    expect(await one('upsert', args)).toMatchObject({ kind: 'rejected', code: 'MATCH_IS_DELETED' })
    expect(await one('upsert', { ...args, onDeleted: 'skip' })).toMatchObject({ status: 'skipped' })
    expect(people()[0]!.deletedAt).not.toBeNull()
    expect(await one('upsert', { ...args, onDeleted: 'restore' })).toMatchObject({ status: 'delivered' })
    expect(people()[0]).toMatchObject({ deletedAt: null, jobTitle: 'CTO' })
  })

  it('two matches are an error that names them', async () => {
    const rows = bench.twenty.seed('opportunities', [{ name: 'Deal' }, { name: 'Deal' }])
    expect(await one('upsert', { object: 'opportunity', match: 'name', values: { name: 'Deal' } })).toMatchObject({
      code: 'AMBIGUOUS_MATCH',
      message: expect.stringContaining(String(rows[0]!.id)),
    })
  })

  it('several paths: any of them finds the record; an empty one is left out', async () => {
    bench.twenty.seed('people', [{ linkedinLink: { primaryLinkUrl: 'https://linkedin.com/in/ada' } }])
    const match = ['emails.primaryEmail', 'linkedinLink']
    const linkedinLink = 'https://LinkedIn.com/in/ada/'
    expect(await planOf('upsert', { object: 'person', match, values: { linkedinLink, jobTitle: 'x' } })).toMatchObject({
      operation: 'update',
    })
    expect(await one('upsert', { object: 'person', match, values: { jobTitle: 'x' } })).toMatchObject({
      code: 'MATCH_VALUE_MISSING',
    })
  })

  it('a map: all must hold, and a created record has the values', async () => {
    const [acme] = bench.twenty.seed('companies', [{ name: 'Acme' }])
    const match = { name: 'Renewal', companyId: acme!.id }
    expect(await one('upsert', { object: 'opportunity', match, values: { stage: 'NEW' } })).toMatchObject({
      result: { created: true, name: 'Renewal', companyId: acme!.id },
    })
    expect(await planOf('upsert', { object: 'opportunity', match, values: { stage: 'NEW' } })).toMatchObject({
      operation: 'none',
    })
  })

  it.each([
    'Smith, Jones & Co',
    `O'Brien "Ltd" (UK)`,
    'a]b[c',
    'back\\slash',
    '100% _real_',
    'Straße 北京',
    ' padded ',
    'x:y',
  ])('finds a company named %s', async name => {
    bench.twenty.seed('companies', [{ name }, { name: name.replaceAll(/[^a-z]/gi, 'x') }, { name: 'other' }])
    const plan = await planOf('upsert', {
      object: 'company',
      match: 'name',
      values: { name, address: { addressCity: 'X' } },
    })
    expect(plan).toMatchObject({ operation: 'update', result: { name } })
  })

  it.each(['host', 'url'] as const)('finds companies by domain where the server keeps a %s', async domainAs => {
    bench.twenty.faults.versions.domainAs = domainAs
    bench.twenty.seed('companies', [{ domainName: { primaryLinkUrl: 'https://www.Acme.com/' } }])
    const values = { domainName: 'http://acme.com/about', name: 'Acme' }
    expect(await planOf('upsert', { object: 'company', match: 'domainName', values })).toMatchObject({
      operation: 'update',
    })
  })

  it('finds a phone number with its country code', async () => {
    bench.twenty.seed('people', [{ phones: { primaryPhoneNumber: '4155550123', primaryPhoneCallingCode: '+1' } }])
    const values = { phones: { primaryPhoneNumber: '+1 (415) 555-0123' }, jobTitle: 'x' }
    const plan = await planOf('upsert', { object: 'person', match: 'phones', values })
    expect(plan.operation).toBe('update')
    expect(Object.keys(plan.after!)).toEqual(['jobTitle'])
  })

  it('P3: a record that came between plan and delivery is updated, not doubled', async () => {
    const plan = await planOf('upsert', { object: 'person', match: 'emails.primaryEmail', values })
    const [ada] = bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' } }])
    expect(await bench.sink.deliver([plan], signal)).toMatchObject([
      { status: 'delivered', operation: 'update', ref: { id: ada!.id }, result: { jobTitle: 'CTO', created: false } },
    ])
    expect(people()).toHaveLength(1)
  })

  it('P6: a record that came between plan and delivery and is as wanted was not written by us', async () => {
    const args = { object: 'person', match: 'emails.primaryEmail', values: { emails: 'ada@example.com' } }
    const plan = await planOf('upsert', args)
    bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' } }])
    const [delivery] = await bench.sink.deliver([plan], signal)
    expect(delivery).toMatchObject({ status: 'delivered', operation: 'none' })
    expect(delivery).not.toHaveProperty('ref.version')
  })
})

describe('update, find and delete', () => {
  it('by id and by match', async () => {
    const [ada] = bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' } }])
    await one('update', { object: 'person', recordId: ada!.id, values: { jobTitle: 'CTO' } })
    expect(await one('find', { object: 'person', match: { emails: 'Ada@example.com' } })).toMatchObject({
      result: { id: ada!.id, jobTitle: 'CTO', object: 'person' },
    })
    expect(await one('find', { object: 'person', match: { emails: 'bob@example.com' } })).toMatchObject({
      result: null,
    })
  })

  it('a missing record is an error, or nothing, as told', async () => {
    const args = { object: 'person', recordId: '11111111-1111-4111-8111-111111111111', values: { jobTitle: 'x' } }
    expect(await one('update', args)).toMatchObject({ kind: 'rejected', code: 'MATCH_NOT_FOUND' })
    expect(await one('update', { ...args, onMissing: 'skip' })).toMatchObject({ status: 'skipped', result: null })
  })

  it('P7: what was deleted between plan and delivery stays deleted', async () => {
    const rows = bench.twenty.seed('people', [{ jobTitle: 'a' }, { jobTitle: 'b' }, { jobTitle: 'c' }])
    const plans = (await bench.sink.plan(
      rows.map(({ id }) => item('update', { object: 'person', recordId: id, values: { jobTitle: 'new' } })),
      signal,
    )) as Plan[]
    me().destroy('people', String(rows[0]!.id))
    expect(await bench.sink.deliver(plans, signal)).toMatchObject([
      { status: 'failed', error: { code: 'MATCH_IS_DELETED' } },
      { status: 'delivered' },
      { status: 'delivered' },
    ])
    expect(people().map(row => row.id)).not.toContain(rows[0]!.id)
    me().softDelete('people', String(rows[1]!.id))
    const [alone] = (await bench.sink.plan(
      [item('update', { object: 'person', recordId: rows[2]!.id, values: { jobTitle: 'newer' } })],
      signal,
    )) as Plan[]
    me().softDelete('people', String(rows[2]!.id))
    expect(await bench.sink.deliver([alone!], signal)).toMatchObject([{ error: { code: 'MATCH_IS_DELETED' } }])
  })

  it('P7: what was moved to the trash between plan and a batch goes back there once the webhook tells', async () => {
    const rows = bench.twenty.seed('people', [{ jobTitle: 'a' }, { jobTitle: 'b' }])
    const plans = (await bench.sink.plan(
      rows.map(({ id }) => item('update', { object: 'person', recordId: id, values: { jobTitle: 'new' } })),
      signal,
    )) as Plan[]
    me().softDelete('people', String(rows[0]!.id))
    await bench.sink.deliver(plans, signal)
    // The batch brought it back, and nothing in its answer says so.
    expect(people().map(row => row.deletedAt)).toEqual([null, null])
    const [brought, other] = people()
    const echo = (row: Fields, over: Partial<ChangeEvent> = {}) =>
      makeEvent({
        key: String(row.id),
        time: String(row.updatedAt),
        data: row,
        changed: ['jobTitle', 'deletedAt'],
        extensions: { via: 'webhook' },
        ...over,
      })
    const { amend } = bench.sink
    expect(amend!(echo(other!, { changed: ['jobTitle'] }), 'update')).toBeUndefined()
    expect(amend!(echo(brought!), 'restore')).toBeUndefined()
    expect(amend!(echo(brought!, { extensions: { via: 'poll' } }), 'update')).toBeUndefined()
    const again = amend!(echo(brought!), 'update')!
    await one(again.action, again.args)
    expect(people().map(row => Boolean(row.deletedAt))).toEqual([true, false])
    // Done again it changes nothing; and a person who has it back keeps it.
    expect((await planOf(again.action, again.args)).operation).toBe('none')
    me().restore('people', String(brought!.id))
    expect((await planOf(again.action, again.args)).operation).toBe('none')
  })

  it('two writes to one record in one delivery both land, in order', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    const done = await bench.run(
      ['b', 'c'].map(jobTitle => item('update', { object: 'person', recordId: ada!.id, values: { jobTitle } })),
    )
    expect(done.map(each => 'status' in each && each.status)).toEqual(['delivered', 'delivered'])
    expect(people()[0]!.jobTitle).toBe('c')
  })

  it('delete is soft unless told; gone already is no error', async () => {
    const [ada, bob] = bench.twenty.seed('people', [{ jobTitle: 'a' }, { jobTitle: 'b' }])
    await bench.run([ada, bob].map(row => item('delete', { object: 'person', recordId: row!.id })))
    expect(people().map(row => Boolean(row.deletedAt))).toEqual([true, true])
    expect((await planOf('delete', { object: 'person', recordId: ada!.id })).operation).toBe('none')
    await one('delete', { object: 'person', recordId: ada!.id, destroy: true })
    expect(people().map(row => row.id)).toEqual([bob!.id])
  })
})

describe('notes and tasks', () => {
  it('a task with assignee, due time, text and links', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    const [acme] = bench.twenty.seed('companies', [{ name: 'Acme' }])
    const args = {
      object: 'task',
      values: { title: 'Call Ada' },
      body: '**now**',
      assignee: 'REP@example.com',
      dueIn: '1d',
      link: [{ object: 'person', id: ada!.id }, `company/${acme!.id}`, null],
    }
    const done = await one('create', args, { key: 'k' })
    const rep = bench.twenty.members.find(member => member.userEmail === 'rep@example.com')
    expect(done).toMatchObject({
      result: {
        title: 'Call Ada',
        assigneeId: rep!.id,
        dueAt: '2026-11-25T10:00:00.000Z',
        bodyV2: { markdown: '**now**' },
      },
    })
    const links = bench.twenty.rows('taskTargets')
    // P6: known to the ledger before they are made.
    expect((await planOf('create', args, { key: 'fresh' })).also).toHaveLength(2)
    expect((await planOf('create', { ...args, link: args.link.slice(0, 1) }, { key: 'k' })).also).toEqual([
      { object: 'taskTarget', id: links[0]!.id },
    ])
    expect(links.map(row => row.targetPersonId ?? row.targetCompanyId)).toEqual([ada!.id, acme!.id])
    // P3: again, with nothing known of the first try.
    for (const outcomeUnknown of [true, false]) await one('create', args, { key: 'k', outcomeUnknown })
    expect(bench.twenty.rows('tasks')).toHaveLength(1)
    expect(bench.twenty.rows('taskTargets')).toHaveLength(2)
  })

  it('is shown at opportunities and at whole lists of records', async () => {
    const [won, lost] = bench.twenty.seed('opportunities', [{ name: 'won' }, { name: 'lost' }])
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    const opportunities = [won, lost].map(row => ({ object: 'opportunity', id: row!.id }))
    for (const object of ['note', 'task']) {
      await one('create', {
        object,
        values: { title: 't' },
        link: [[{ object: 'person', id: ada!.id }], opportunities, []],
      })
      const links = bench.twenty.rows(`${object}Targets`)
      expect(links.map(row => row.targetPersonId ?? row.targetOpportunityId)).toEqual([ada!.id, won!.id, lost!.id])
    }
  })

  it('an assignee that an expression leaves open is nobody', async () => {
    for (const assignee of [null, '']) {
      expect(await one('create', { object: 'task', values: { title: 't' }, assignee })).toMatchObject({
        status: 'delivered',
      })
    }
    expect(bench.twenty.rows('tasks').map(row => row.assigneeId)).toEqual([null, null])
  })

  it('P3: links that were lost half-way are made by the next try', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    const args = { object: 'note', values: { title: 'n' }, link: [`person/${ada!.id}`] }
    const plan = await planOf('create', args, { key: 'k' })
    bench.twenty.faults.http.deniedObjects = ['noteTargets']
    const [half] = await bench.sink.deliver([plan], signal)
    expect(half).toMatchObject({
      status: 'failed',
      error: { kind: 'fatal', code: 'TWENTY_AUTH', outcomeUnknown: true },
    })
    bench.twenty.faults.http.deniedObjects = []
    expect(await one('create', args, { key: 'k', outcomeUnknown: true })).toMatchObject({ status: 'delivered' })
    expect(bench.twenty.rows('notes')).toHaveLength(1)
    expect(bench.twenty.rows('noteTargets')).toHaveLength(1)
  })

  it('P6: links that are added to a task leave the task’s own version to whoever made it', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    const [task] = bench.twenty.seed('tasks', [{ title: 'Call' }])
    const args = { object: 'task', recordId: task!.id, link: [`person/${ada!.id}`] }
    const delivery = await one('update', args)
    expect(delivery).toMatchObject({ status: 'delivered', operation: 'none' })
    expect(delivery).not.toHaveProperty('ref.version')
    expect(bench.twenty.rows('taskTargets')).toHaveLength(1)
  })

  it('P7: a link that somebody took off is not put back', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    const args = { object: 'note', values: { title: 'n' }, link: [`person/${ada!.id}`] }
    await one('create', args, { key: 'k' })
    me().softDelete('noteTargets', String(bench.twenty.rows('noteTargets')[0]!.id))
    expect((await planOf('create', args, { key: 'k', outcomeUnknown: true })).operation).toBe('none')
  })

  it('an unknown assignee and a link that makes no sense are said', async () => {
    expect(await one('create', { object: 'task', assignee: 'who@example.com' })).toMatchObject({
      code: 'ASSIGNEE_NOT_FOUND',
    })
    expect(await one('create', { object: 'note', link: ['ada'] })).toMatchObject({ code: 'INVALID_LINK' })
    expect(
      await one('create', { object: 'company', link: ['person/11111111-1111-4111-8111-111111111111'] }),
    ).toMatchObject({ code: 'LINK_NOT_POSSIBLE' })
  })
})

describe('P8: calls', () => {
  const person = (at: number, jobTitle: string) => ({ emails: { primaryEmail: `p${at}@example.com` }, jobTitle })

  it('1,000 updates waiting at once take at most 24', async () => {
    bench.twenty.seed(
      'people',
      Array.from({ length: 1000 }, (_, at) => person(at, 'old')),
    )
    const items = Array.from({ length: 1000 }, (_, at) =>
      item('upsert', { object: 'person', match: 'emails.primaryEmail', values: person(at, 'new') }),
    )
    const done = await bench.run(items)
    expect(done.every(each => 'status' in each && each.status === 'delivered')).toBe(true)
    expect(people().every(row => row.jobTitle === 'new')).toBe(true)
    expect(bench.recordCalls().length).toBeLessThanOrEqual(24)
  })

  it('1,000 updates by id take at most 24', async () => {
    const rows = bench.twenty.seed(
      'people',
      Array.from({ length: 1000 }, (_, at) => person(at, 'old')),
    )
    await bench.run(
      rows.map(({ id }) => item('update', { object: 'person', recordId: id, values: { jobTitle: 'new' } })),
    )
    expect(people().every(row => row.jobTitle === 'new')).toBe(true)
    expect(bench.recordCalls().length).toBeLessThanOrEqual(24)
    // What proxies take as a request line.
    for (const call of bench.recordCalls()) expect(call.path.length + call.query.length).toBeLessThan(8000)
  })

  it('1,000 creates take at most 18', async () => {
    await bench.run(
      Array.from({ length: 1000 }, (_, at) => item('create', { object: 'person', values: person(at, 'x') })),
    )
    expect(people()).toHaveLength(1000)
    expect(bench.recordCalls().length).toBeLessThanOrEqual(18)
  })

  it.each(['create', 'upsert'])('one bad %s of 60 costs at most 7 calls more, and fails alone', async action => {
    const items = Array.from({ length: 60 }, (_, at) =>
      item(action, {
        object: 'person',
        match: action === 'upsert' ? 'emails.primaryEmail' : undefined,
        values: { ...person(at, 'x'), ...(at === 42 && { companyId: '11111111-1111-4111-8111-111111111111' }) },
      }),
    )
    const done = await bench.run(items)
    const failed = done
      .map((each, at) => ('status' in each && each.status === 'delivered' ? -1 : at))
      .filter(at => at >= 0)
    expect(failed).toEqual([42])
    expect(done[42]).toMatchObject({ status: 'failed', error: { kind: 'rejected' } })
    expect(people()).toHaveLength(59)
    expect(bench.recordCalls().length).toBeLessThanOrEqual((action === 'upsert' ? 2 : 1) + 7)
  })
})

describe('what the workspace says', () => {
  it('wrong names are rejected with a suggestion', async () => {
    expect(await one('create', { object: 'persn' })).toMatchObject({ message: expect.stringContaining('"person"') })
    expect(await one('create', { object: 'person', values: { jobTitel: 'x' } })).toMatchObject({
      code: 'UNKNOWN_FIELD',
      message: expect.stringContaining('"jobTitle"'),
    })
    expect(await one('create', { object: 'opportunity', values: { stage: 'NWE' } })).toMatchObject({
      code: 'INVALID_VALUE',
      message: expect.stringContaining('"NEW"'),
    })
  })

  it('a key that is refused is fatal', async () => {
    bench.twenty.faults.http.unauthorized = true
    expect(await one('create', { object: 'person', values: { jobTitle: 'x' } })).toMatchObject({
      error: { kind: 'fatal', code: 'TWENTY_AUTH' },
    })
    await expect(bench.sink.check!(signal)).rejects.toMatchObject({ kind: 'fatal', code: 'TWENTY_AUTH' })
    bench.twenty.faults.http.unauthorized = false
    bench.twenty.faults.http.deniedObjects = ['people']
    expect(await one('upsert', { object: 'person', match: 'emails', values: { emails: 'a@b.c' } })).toMatchObject({
      kind: 'fatal',
      code: 'TWENTY_AUTH',
    })
  })

  it('verify reports every wrong name at its place', async () => {
    const problems: unknown[] = []
    const use = (action: string, args: Fields): ActionUse => ({
      action,
      args,
      problem: (path, message, suggestion) => problems.push([path.join('.'), suggestion ?? message]),
    })
    await bench.sink.verify!(
      [
        use('create', { object: 'people' }),
        use('upsert', {
          object: 'person',
          match: 'emails.primaryMail',
          values: { jobTitel: 'x', 'name.fistName': 'x', emails: { primryEmail: 'x' }, company: 'company' },
        }),
        use('upsert', { object: 'company', match: ['domainName'], values: { name: 'x' } }),
        use('create', { object: 'opportunity', values: { stage: "'NWE'", name: 'data.stage' } }),
        use('create', { object: 'company', link: ['person'], dueIn: '1d' }),
        use('find', { object: 'person', match: { emails: 'x', nmae: 'y' } }),
        use('update', { object: 'task', values: { 'bodyV2.markdown': 'x', assigneeId: 'y', status: '"DONE"' } }),
      ],
      signal,
    )
    expect(problems).toEqual([
      ['object', 'person'],
      ['match', 'emails.primaryEmail'],
      ['values.jobTitel', 'jobTitle'],
      ['values.name.fistName', 'name.firstName'],
      ['values.emails.primryEmail', 'primaryEmail'],
      ['match.0', 'add it to values, or write match as a map'],
      ['values.stage', 'NEW'],
      ['link', 'link is for notes and tasks; a company has no links'],
      ['dueIn', 'a company has no dueAt; dueIn is for notes and tasks'],
      ['match.nmae', 'name'],
    ])
  })
})
