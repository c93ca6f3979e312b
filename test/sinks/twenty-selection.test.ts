import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { Expressions } from '../../src/expressions/expressions.ts'
import { compileArgs } from '../../src/runtime/compile-args.ts'
import type { ActionUse } from '../../src/sinks/sink.ts'
import { actions } from '../../src/sinks/twenty/actions.ts'
import { item, type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

let bench: TwentyBench
const signal = new AbortController().signal

beforeEach(async () => {
  bench = await twentyBench()
})
afterEach(() => bench.stop())

/** The list that a find gives, by what each record is called. */
async function found(args: Fields): Promise<string[]> {
  const [plan] = await bench.sink.plan([item('find', args)], signal)
  if (plan instanceof SyncError) throw plan
  expect(plan!.operation).toBe('read')
  return (plan!.result as Fields[]).map(nameOf).sort()
}

function nameOf(row: unknown): string {
  const { name } = row as { name: string | { firstName: string } }
  return typeof name === 'string' ? name : name.firstName
}

const companies = () =>
  bench.twenty.seed('companies', [
    {
      name: 'Acme',
      domainName: { primaryLinkUrl: 'acme.com' },
      annualRevenue: { amountMicros: 5e9, currencyCode: 'EUR' },
    },
    { name: 'Bolt (UK), Ltd', annualRevenue: { amountMicros: 1e9, currencyCode: 'USD' } },
    { name: "O'Hara & Co", domainName: { primaryLinkUrl: 'ohara.ie' } },
    { name: 'Zoe' },
  ])

const deals = () =>
  bench.twenty.seed('opportunities', [
    {
      name: 'new',
      stage: 'NEW',
      closeDate: '2026-11-20T10:00:00.000Z',
      amount: { amountMicros: 1e9, currencyCode: 'EUR' },
    },
    { name: 'meeting', stage: 'MEETING', closeDate: '2099-01-01T00:00:00.000Z' },
    { name: 'won', stage: 'CUSTOMER', amount: { amountMicros: 7.5e9, currencyCode: 'USD' } },
  ])

describe('find by a filter', () => {
  it.each<[string, Fields, string[]]>([
    ['eq', { name: { eq: 'Acme' } }, ['Acme']],
    ['eq, normalised', { domainName: { eq: 'https://www.ACME.com/about' } }, ['Acme']],
    ['eq with signs that the filter cannot carry', { name: { eq: 'Bolt (UK), Ltd' } }, ['Bolt (UK), Ltd']],
    ['in, some of them such', { name: { in: ['Zoe', "O'Hara & Co", 'Bolt (UK)_ Ltd'] } }, ["O'Hara & Co", 'Zoe']],
    ['in an empty list', { name: { in: [] } }, []],
    ['empty', { domainName: { empty: true } }, ['Bolt (UK), Ltd', 'Zoe']],
    ['eq with a value that is missing', { domainName: { eq: null } }, []],
    ['in with values that are missing', { domainName: { in: [null, '', 'acme.com'] } }, ['Acme']],
    ['not empty', { domainName: { empty: false } }, ['Acme', "O'Hara & Co"]],
    ['neq: what is empty differs too', { domainName: { neq: 'acme.com' } }, ['Bolt (UK), Ltd', "O'Hara & Co", 'Zoe']],
    ['notIn', { name: { notIn: ['Acme', 'Zoe', null] } }, ['Bolt (UK), Ltd', "O'Hara & Co"]],
    ['notIn an empty list', { name: { notIn: [] } }, ['Acme', 'Bolt (UK), Ltd', "O'Hara & Co", 'Zoe']],
    ['numbers', { 'annualRevenue.amountMicros': { gte: 1e9, lt: 5e9 } }, ['Bolt (UK), Ltd']],
    ['a number that is text', { 'annualRevenue.amountMicros': { gt: '1000000000' } }, ['Acme']],
    ['patterns', { name: { ilike: 'z%' } }, ['Zoe']],
    ['startsWith', { name: { startsWith: 'Ac' } }, ['Acme']],
    ['or', { or: [{ name: { eq: 'Zoe' } }, { domainName: { eq: 'acme.com' } }] }, ['Acme', 'Zoe']],
    ['not', { not: { name: { startsWith: 'Ac' } } }, ['Bolt (UK), Ltd', "O'Hara & Co", 'Zoe']],
  ])('%s', async (_, filter, names) => {
    companies()
    expect(await found({ object: 'company', filter })).toEqual(names)
  })

  it('several conditions narrow it, and `by` is equality', async () => {
    companies()
    expect(await found({ object: 'company', by: { name: ['Acme', 'Zoe'] } })).toEqual(['Acme', 'Zoe'])
    expect(
      await found({ object: 'company', by: { name: ['Acme', 'Zoe'] }, filter: { domainName: { empty: true } } }),
    ).toEqual(['Zoe'])
  })

  it('finds by a relation, and nothing that lies in the trash', async () => {
    const [acme, bolt] = companies()
    const [ada] = bench.twenty.seed('people', [
      { name: { firstName: 'Ada' }, companyId: acme!.id },
      { name: { firstName: 'Ben' }, companyId: bolt!.id },
    ])
    expect(await found({ object: 'person', by: { company: acme!.id } })).toEqual(['Ada'])
    bench.twenty.asUser(String(bench.twenty.members[0]!.id)).softDelete('people', String(ada!.id))
    expect(await found({ object: 'person', by: { companyId: acme!.id } })).toEqual([])
  })

  it.each<[string, Fields]>([
    ['by', { by: { name: "'Acme'", domainName: 'company.?domain' } }],
    ['filter', { filter: { name: { eq: "'Acme'" }, domainName: { eq: 'company.?domain' } } }],
    ['filter within or', { filter: { or: [{ domainName: { eq: 'company.?domain' } }] } }],
  ])('a condition whose value is absent finds nothing, and not more: %s', async (_, config) => {
    companies()
    const args = compileArgs(
      actions.find.config,
      { object: 'company', ...config },
      new Expressions(),
    )({ company: null })
    expect(await found(args)).toEqual([])
  })

  it.each<[string, Fields, string]>([
    ['an unknown field', { nmae: { eq: 'x' } }, 'UNKNOWN_FIELD'],
    ['an unknown operator', { name: { equals: 'x' } }, 'FILTER_NOT_POSSIBLE'],
    ['no condition', {}, 'FILTER_NOT_POSSIBLE'],
    ['a bare value', { name: 'x' }, 'FILTER_NOT_POSSIBLE'],
    ['a pattern with brackets', { name: { like: 'B(%' } }, 'FILTER_NOT_POSSIBLE'],
    ['neq with a value that is missing', { name: { neq: null } }, 'FILTER_NOT_POSSIBLE'],
    ['empty with no truth value', { name: { empty: 'yes' } }, 'FILTER_NOT_POSSIBLE'],
    ['a missing number', { 'annualRevenue.amountMicros': { gte: null } }, 'FILTER_NOT_POSSIBLE'],
    ['a field without an operator', { name: { eq: 'Acme' }, domainName: {} }, 'FILTER_NOT_POSSIBLE'],
    ['or without a condition', { or: [] }, 'FILTER_NOT_POSSIBLE'],
    ['or with what is no list', { or: { name: { eq: 'x' } } }, 'FILTER_NOT_POSSIBLE'],
    ['a value that would be a condition', { name: { containsAny: ['x],id[is]:NOT_NULL'] } }, 'FILTER_NOT_POSSIBLE'],
    ['no value to contain', { name: { containsAny: [] } }, 'FILTER_NOT_POSSIBLE'],
  ])('says what is wrong: %s', async (_, filter, code) => {
    const [plan] = await bench.sink.plan([item('find', { object: 'company', filter })], signal)
    expect(plan).toMatchObject({ kind: 'rejected', code })
  })

  it('gives no more than limit, by id, and no list that is too long', async () => {
    const rows = bench.twenty.seed(
      'companies',
      Array.from({ length: 230 }, (_, n) => ({ name: `c${n}` })),
    )
    const [plan] = await bench.sink.plan(
      [item('find', { object: 'company', filter: { name: { startsWith: 'c' } }, limit: 3 })],
      signal,
    )
    const ids = rows.map(row => String(row.id)).sort()
    expect((plan as { result: Fields[] }).result.map(row => row.id)).toEqual(ids.slice(0, 3))
    const [long] = await bench.sink.plan(
      [item('find', { object: 'company', filter: { name: { startsWith: 'c' } } })],
      signal,
    )
    expect(long).toMatchObject({ kind: 'rejected', code: 'TOO_MANY_FOUND' })
  })

  it('stands beside other items of a batch', async () => {
    const [acme] = companies()
    const plans = await bench.sink.plan(
      [
        item('find', { object: 'company', match: { name: 'Acme' } }),
        item('find', { object: 'company', by: { name: 'Zoe' } }),
        item('find', { object: 'company', match: { name: 'nobody' } }),
        item('find', { object: 'company', by: { nope: 1 } }),
        item('find', { object: 'company', by: { domainName: { primaryLinkUrl: 'x' } } }),
      ],
      signal,
    )
    expect(plans[0]).toMatchObject({ result: { id: acme!.id } })
    expect(plans[1]).toMatchObject({ result: [{ name: 'Zoe' }] })
    expect(plans[2]).toMatchObject({ result: null })
    expect(plans[3]).toMatchObject({ code: 'UNKNOWN_FIELD' })
    expect(plans[4]).toMatchObject({ code: 'FILTER_NOT_POSSIBLE' })
  })

  it('is checked against the workspace before anything runs', async () => {
    const problems: string[] = []
    const use: ActionUse = {
      action: 'find',
      args: {
        object: 'company',
        by: { nmae: 'x', domainName: { primaryLinkUrl: 'x' } },
        filter: { name: { equal: 'x' }, or: [{ domianName: { eq: 'x' } }] },
      },
      problem: (path, message, suggestion) => problems.push(`${path.join('.')} ${message} ${suggestion}`),
    }
    await bench.sink.verify!([use], signal)
    expect(problems).toEqual([
      expect.stringMatching(/^by\.nmae .* name$/),
      'by.domainName domainName takes a value or a list of values, not a map domainName.primaryLinkUrl: …',
      expect.stringMatching(/^filter\.name\.equal there is no operator "equal" one of eq, neq/),
      expect.stringMatching(/^filter\.or\.0\.domianName .*domainName/),
    ])
  })
})

describe('find by a view', () => {
  const view = (filters: Parameters<TwentyBench['twenty']['addView']>[0]['filters'], object = 'opportunities') =>
    bench.twenty.addView({ object, name: 'Mine', filters })

  it.each<[string, { field: string; operand: string; value?: unknown; subField?: string }, string[]]>([
    ['SELECT is', { field: 'stage', operand: 'IS', value: '["NEW","CUSTOMER"]' }, ['new', 'won']],
    ['SELECT is not', { field: 'stage', operand: 'IS_NOT', value: '["NEW"]' }, ['meeting', 'won']],
    ['as older servers write it', { field: 'stage', operand: 'isNot', value: '["NEW"]' }, ['meeting', 'won']],
    ['TEXT contains', { field: 'name', operand: 'CONTAINS', value: 'E' }, ['meeting', 'new']],
    ['TEXT does not contain', { field: 'name', operand: 'DOES_NOT_CONTAIN', value: 'e' }, ['won']],
    ['CURRENCY at least', { field: 'amount', operand: 'GREATER_THAN_OR_EQUAL', value: '1000.5' }, ['won']],
    ['older: at most', { field: 'amount', operand: 'lessThan', value: '1000' }, ['new']],
    ['CURRENCY by its code', { field: 'amount', operand: 'IS', value: '["USD"]', subField: 'currencyCode' }, ['won']],
    ['CURRENCY empty', { field: 'amount', operand: 'IS_EMPTY' }, ['meeting']],
    ['DATE_TIME not empty', { field: 'closeDate', operand: 'IS_NOT_EMPTY' }, ['meeting', 'new']],
    ['DATE_TIME in the past', { field: 'closeDate', operand: 'IS_IN_PAST' }, ['new']],
    ['DATE_TIME in the future', { field: 'closeDate', operand: 'IS_IN_FUTURE' }, ['meeting']],
    ['DATE_TIME is a day', { field: 'closeDate', operand: 'IS', value: '2026-11-20' }, ['new']],
    ['DATE_TIME before', { field: 'closeDate', operand: 'IS_BEFORE', value: '2026-11-20T10:00:01.000Z' }, ['new']],
    [
      'relative',
      { field: 'closeDate', operand: 'IS_RELATIVE', value: 'PAST_90_YEAR;;Europe/Vienna;;MONDAY;;' },
      ['new'],
    ],
    ['RELATION empty', { field: 'company', operand: 'IS_EMPTY' }, ['meeting', 'new', 'won']],
  ])('%s', async (_, filter, names) => {
    deals()
    view([filter])
    expect(await found({ object: 'opportunity', view: 'Mine' })).toEqual(names)
  })

  it('RELATION is one of, and is not', async () => {
    const [acme, bolt] = companies()
    bench.twenty.seed('people', [
      { name: { firstName: 'Ada' }, companyId: acme!.id },
      { name: { firstName: 'Ben' }, companyId: bolt!.id },
      { name: { firstName: 'Cy' } },
    ])
    const value = JSON.stringify({ isCurrentWorkspaceMemberSelected: false, selectedRecordIds: [acme!.id] })
    bench.twenty.addView({ object: 'people', name: 'in', filters: [{ field: 'company', operand: 'IS', value }] })
    bench.twenty.addView({ object: 'people', name: 'out', filters: [{ field: 'company', operand: 'IS_NOT', value }] })
    expect(await found({ object: 'person', view: 'in' })).toEqual(['Ada'])
    expect(await found({ object: 'person', view: 'out' })).toEqual(['Ben', 'Cy'])
  })

  it('MULTI_SELECT: a list that was cleared is as empty as one that never was', async () => {
    const options = ['NEWS', 'SALES'].map((value, position) => ({ value, label: value, position, color: 'blue' }))
    const { id: objectMetadataId } = (await bench.client.schemas.get()).object('person')
    const field = { objectMetadataId, name: 'topics', label: 'Topics', type: 'MULTI_SELECT', options }
    await send('POST', '/rest/metadata/fields', field)
    await bench.client.schemas.refresh()
    bench.twenty.seed('people', [
      { name: { firstName: 'Ada' }, topics: ['NEWS'] },
      { name: { firstName: 'Ben' }, topics: [] },
      { name: { firstName: 'Cy' } },
    ])
    const views: [string, string, string[]][] = [
      ['IS_EMPTY', '', ['Ben', 'Cy']],
      ['IS_NOT_EMPTY', '', ['Ada']],
      ['CONTAINS', '["SALES",""]', ['Ben', 'Cy']],
      ['DOES_NOT_CONTAIN', '["SALES",""]', ['Ada']],
      ['DOES_NOT_CONTAIN', '["SALES"]', ['Ada', 'Ben', 'Cy']],
    ]
    for (const [at, [operand, value, names]] of views.entries()) {
      bench.twenty.addView({ object: 'people', name: `v${at}`, filters: [{ field: 'topics', operand, value }] })
      expect(await found({ object: 'person', view: `v${at}` }), `${operand} ${value}`).toEqual(names)
    }
    expect(await found({ object: 'person', filter: { topics: { empty: true } } })).toEqual(['Ben', 'Cy'])
  })

  it('EMAILS and FULL_NAME look into all their parts', async () => {
    bench.twenty.seed('people', [
      {
        name: { firstName: 'Ada', lastName: "O'Brien" },
        emails: { primaryEmail: 'ada@a.example', additionalEmails: ['x@old.example'] },
      },
      { name: { firstName: 'Ben', lastName: 'Bo' }, emails: { primaryEmail: 'ben@old.example' } },
      { name: { firstName: 'Cy', lastName: '' } },
    ])
    const views: [string, { field: string; operand: string; value?: string }, string[]][] = [
      ['a', { field: 'emails', operand: 'CONTAINS', value: 'OLD.example' }, ['Ada', 'Ben']],
      ['b', { field: 'emails', operand: 'DOES_NOT_CONTAIN', value: 'old' }, ['Cy']],
      ['c', { field: 'emails', operand: 'IS_EMPTY' }, ['Cy']],
      ['d', { field: 'name', operand: 'CONTAINS', value: "o'b" }, ['Ada']],
      ['e', { field: 'name', operand: 'IS_NOT_EMPTY' }, ['Ada', 'Ben', 'Cy']],
    ]
    for (const [name, filter, names] of views) {
      bench.twenty.addView({ object: 'people', name, filters: [filter] })
      expect(await found({ object: 'person', view: name }), name).toEqual(names)
    }
  })

  it('groups: all of one, one of another, and filters outside of groups', async () => {
    deals()
    bench.twenty.addView({
      object: 'opportunities',
      name: 'Mine',
      groups: [
        { name: 'outer', operator: 'AND' },
        { name: 'inner', operator: 'OR', parent: 'outer' },
      ],
      filters: [
        { field: 'name', operand: 'CONTAINS', value: 'n' },
        { field: 'stage', operand: 'IS_NOT', value: '["NEW"]', group: 'outer' },
        { field: 'stage', operand: 'IS', value: '["NEW"]', group: 'inner' },
        { field: 'amount', operand: 'IS_NOT_EMPTY', group: 'inner' },
      ],
    })
    expect(await found({ object: 'opportunity', view: 'Mine' })).toEqual(['won'])
  })

  it.each(['a group that is gone', 'itself'])('is an error when a group of its filters lies in %s', async parent => {
    deals()
    const id = bench.twenty.addView({
      object: 'opportunities',
      name: 'Mine',
      groups: [{ name: 'lost', operator: 'AND' }],
      filters: [{ field: 'stage', operand: 'IS', value: '["NEW"]', group: 'lost' }],
    })
    const [group] = await ofView('viewFilterGroups', id)
    const parentViewFilterGroupId = parent === 'itself' ? group : '00000000-0000-4000-8000-00000000dead'
    await patch(`/rest/metadata/viewFilterGroups/${group}`, { parentViewFilterGroupId })
    await expect(found({ object: 'opportunity', view: 'Mine' })).rejects.toMatchObject({
      code: 'VIEW_NOT_POSSIBLE',
      message: expect.stringContaining('its filter on stage is in a group that it does not have'),
    })
  })

  it('is read at each run: what somebody changes in it counts from the next one', async () => {
    deals()
    const id = view([{ field: 'stage', operand: 'IS', value: '["NEW"]' }])
    expect(await found({ object: 'opportunity', view: 'Mine' })).toEqual(['new'])
    expect(await found({ object: 'opportunity', view: id, filter: { stage: { neq: 'NEW' } } })).toEqual([])
    await patch(`/rest/metadata/viewFilters/${await filterId(id)}`, { value: '["MEETING"]' })
    expect(await found({ object: 'opportunity', view: 'Mine' })).toEqual(['meeting'])
  })

  it('without filters shows everything', async () => {
    deals()
    expect(await found({ object: 'opportunity', view: 'All Opportunities' })).toEqual(['meeting', 'new', 'won'])
  })

  it.each<[string, { field: string; operand: string; value?: unknown; subField?: string }, RegExp]>([
    ['an operand that is not known', { field: 'name', operand: 'SOUNDS_LIKE', value: 'x' }, /name SOUNDS_LIKE/],
    [
      '"me"',
      { field: 'owner', operand: 'IS', value: '{"isCurrentWorkspaceMemberSelected":true,"selectedRecordIds":[]}' },
      /owner IS.*"me"/,
    ],
    ['no value', { field: 'stage', operand: 'IS', value: '[]' }, /stage IS.*SELECT/],
    ['a range of time that is not known', { field: 'closeDate', operand: 'IS_RELATIVE', value: 'SOON' }, /SOON/],
    ['a search of the text index', { field: 'searchVector', operand: 'VECTOR_SEARCH', value: 'x' }, /VECTOR_SEARCH/],
  ])('is an error that names the filter, never a wider view: %s', async (_, filter, message) => {
    deals()
    view([filter])
    const [plan] = await bench.sink.plan([item('find', { object: 'opportunity', view: 'Mine' })], signal)
    expect(plan).toMatchObject({ kind: 'rejected', code: 'VIEW_NOT_POSSIBLE', message: expect.stringMatching(message) })
  })

  it('names the views that there are', async () => {
    view([])
    const missing = found({ object: 'opportunity', view: 'mine' })
    await expect(missing).rejects.toMatchObject({ code: 'VIEW_NOT_FOUND', message: expect.stringContaining('"Mine"') })
    view([])
    await expect(found({ object: 'opportunity', view: 'Mine' })).rejects.toMatchObject({ code: 'AMBIGUOUS_VIEW' })
    await expect(found({ object: 'person', view: 'Mine' })).rejects.toMatchObject({ code: 'VIEW_NOT_FOUND' })
  })
})

describe('page by page', () => {
  const all = async (args: Fields, between: () => void = () => {}): Promise<string[]> => {
    const wanted = item('find', args)
    const ids: string[] = []
    for (let cursor: string | undefined; ; between()) {
      const page = await bench.sink.page!(wanted, cursor, signal)
      ids.push(...page.items.map(row => String((row as Fields).id)))
      if (page.next === undefined) return ids
      cursor = page.next
    }
  }

  it('gives each record once, with the total, while others come and go', async () => {
    const rows = bench.twenty.seed(
      'companies',
      Array.from({ length: 450 }, (_, n) => ({ name: `c${n}` })),
    )
    const ids = rows.map(row => String(row.id)).sort()
    const first = await bench.sink.page!(
      item('find', { object: 'company', filter: { name: { like: 'c%' } } }),
      undefined,
      signal,
    )
    expect(first.total).toBe(450)
    expect(first.items).toHaveLength(200)
    let gone: string | undefined
    const read = await all({ object: 'company', filter: { name: { like: 'c%' } } }, () => {
      if (gone) return
      gone = ids[0]!
      bench.twenty.asUser(String(bench.twenty.members[0]!.id)).softDelete('companies', gone)
    })
    expect(read).toEqual(ids)
  })

  it('a view that is changed during the run does not change the run', async () => {
    bench.twenty.seed(
      'companies',
      Array.from({ length: 250 }, (_, n) => ({ name: `c${n}` })),
    )
    const id = bench.twenty.addView({
      object: 'companies',
      name: 'V',
      filters: [{ field: 'name', operand: 'CONTAINS', value: 'c' }],
    })
    const filter = await filterId(id)
    const wanted = item('find', { object: 'company', view: 'V' })
    const page = await bench.sink.page!(wanted, undefined, signal)
    await patch(`/rest/metadata/viewFilters/${filter}`, { value: 'nothing' })
    const rest = await bench.sink.page!(wanted, page.next, signal)
    expect(rest.items).toHaveLength(50)
    expect(rest.next).toBeUndefined()
  })

  it('ends at limit', async () => {
    bench.twenty.seed(
      'companies',
      Array.from({ length: 450 }, (_, n) => ({ name: `c${n}` })),
    )
    expect(await all({ object: 'company', filter: { name: { like: 'c%' } }, limit: 210 })).toHaveLength(210)
  })

  it('of what finds one record gives that one', async () => {
    companies()
    expect(await all({ object: 'company', match: { name: 'Zoe' } })).toHaveLength(1)
    expect(await all({ object: 'company', match: { name: 'nobody' } })).toEqual([])
  })
})

const patch = (path: string, body: unknown) => send('PATCH', path, body)

async function send(method: string, path: string, body: unknown): Promise<void> {
  await fetch(bench.twenty.url + path, {
    method,
    headers: { authorization: `Bearer ${bench.twenty.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function filterId(viewId: string): Promise<string> {
  const [id] = await ofView('viewFilters', viewId)
  return id!
}

async function ofView(collection: string, viewId: string): Promise<string[]> {
  const answer = await fetch(`${bench.twenty.url}/rest/metadata/${collection}?viewId=${viewId}`, {
    headers: { authorization: `Bearer ${bench.twenty.apiKey}` },
  })
  return ((await answer.json()) as { data: Fields[] }).data.map(({ id }) => String(id))
}
