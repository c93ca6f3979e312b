import { afterEach, describe, expect, it } from 'vitest'
import type { Versions } from '../../sandbox/twenty/faults.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { item, type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

let bench: TwentyBench
afterEach(() => bench.stop())

const VERSIONS: Partial<Versions>[] = [
  {},
  { emptyTextAs: 'empty', numericAs: 'string', domainAs: 'url', metadataFormat: 'direct', viewLists: 'bare' },
  { partialComposites: 'all', upsertAnswerOrder: 'input', defaultDepth: 0 },
  { partialComposites: 'keep', noopTouchesUpdatedAt: true, stampsUpdatedBy: false, destroyKey: 'destroy' },
]

const company = (name: string): Fields => ({
  name,
  domainName: 'https://www.Acme.com/about',
  annualRevenue: { amountMicros: 12_500_000, currencyCode: 'eur' },
  address: { addressCity: 'Paris', addressLat: 48.85, addressStreet1: '' },
  linkedinLink: { primaryLinkUrl: 'https://LinkedIn.com/company/acme/' },
})

describe.each(VERSIONS)('a server with %o', versions => {
  it('a second upsert of the same values finds nothing to do, whatever the server makes of them', async () => {
    bench = await twentyBench({ sandbox: { faults: { rateLimit: { enabled: false }, versions } } })
    const upsert = (values: Fields) => item('upsert', { object: 'company', match: 'domainName', values })
    expect(await bench.run([upsert(company('Acme'))])).toMatchObject([{ result: { created: true } }])
    const [second] = await bench.sink.plan([upsert(company('Acme'))], new AbortController().signal)
    expect(second instanceof SyncError ? second : second!.operation).toBe('none')
  })

  it('finds by domain, by what is empty and by a view, whatever the server keeps', async () => {
    bench = await twentyBench({ sandbox: { faults: { rateLimit: { enabled: false }, versions } } })
    const named = (name: string) => item('create', { object: 'company', values: { name } })
    await bench.run([item('create', { object: 'company', values: company('Acme') }), named('Bolt'), named('')])
    bench.twenty.addView({
      object: 'companies',
      name: 'Paris',
      filters: [
        { field: 'address', operand: 'CONTAINS', value: 'paris', subField: 'addressCity' },
        { field: 'annualRevenue', operand: 'GREATER_THAN_OR_EQUAL', value: '12' },
      ],
    })
    bench.twenty.addView({ object: 'companies', name: 'Unnamed', filters: [{ field: 'name', operand: 'IS_EMPTY' }] })
    const found = async (args: Fields) => {
      const [plan] = await bench.sink.plan([item('find', { object: 'company', ...args })], new AbortController().signal)
      if (plan instanceof SyncError) throw plan
      return (plan!.result as Fields[]).map(row => row.name ?? '').sort()
    }
    expect(await found({ by: { domainName: 'acme.com' } })).toEqual(['Acme'])
    expect(await found({ filter: { domainName: { empty: true }, name: { empty: false } } })).toEqual(['Bolt'])
    expect(await found({ filter: { domainName: { neq: 'acme.com' } } })).toEqual(['', 'Bolt'])
    expect(await found({ view: 'Paris' })).toEqual(['Acme'])
    expect(await found({ view: 'Unnamed' })).toEqual([''])
  })

  it('a change of one part keeps the others', async () => {
    bench = await twentyBench({ sandbox: { faults: { rateLimit: { enabled: false }, versions } } })
    const rows = bench.twenty.seed('people', [
      { emails: { primaryEmail: 'a@x.com', additionalEmails: ['b@x.com'] }, name: { firstName: 'Ada', lastName: 'L' } },
      {
        linkedinLink: { primaryLinkUrl: 'https://x.com/a', primaryLinkLabel: 'A' },
        emails: { primaryEmail: 'c@x.com' },
      },
    ])
    await bench.run([
      item('update', { object: 'person', recordId: rows[0]!.id, values: { 'name.firstName': 'Augusta' } }),
      item('update', {
        object: 'person',
        recordId: rows[1]!.id,
        values: { 'linkedinLink.primaryLinkUrl': 'https://x.com/b' },
      }),
    ])
    expect(bench.twenty.rows('people')).toMatchObject([
      { name: { firstName: 'Augusta', lastName: 'L' }, emails: { additionalEmails: ['b@x.com'] } },
      { linkedinLink: { primaryLinkUrl: 'https://x.com/b', primaryLinkLabel: 'A' } },
    ])
  })
})

it.each(['targetPersonId', 'personId'] as const)(
  'links notes and tasks to everything by the like of %s',
  async targetColumns => {
    bench = await twentyBench({ sandbox: { schema: { targetColumns, fieldSet: 'older' } } })
    bench.twenty.faults.rateLimit.enabled = false
    const columnOf = (name: string) => (targetColumns === 'personId' ? `${name.toLowerCase()}Id` : `target${name}Id`)
    const [person] = bench.twenty.seed('people', [{ city: 'London' }])
    const [company] = bench.twenty.seed('companies', [{ name: 'Acme' }])
    const [opportunity] = bench.twenty.seed('opportunities', [{ name: 'Engines' }])
    const linked = Object.entries({ Person: person!, Company: company!, Opportunity: opportunity! })
    const link = linked.map(([name, { id }]) => ({ object: name.toLowerCase(), id }))
    for (const object of ['note', 'task']) {
      const args = { object, values: { title: 't' }, body: 'text', link }
      expect(await bench.run([item('create', args)])).toMatchObject([{ status: 'delivered' }])
      const [row] = bench.twenty.rows(`${object}s`)
      expect(bench.twenty.rows(`${object}Targets`)).toMatchObject(
        linked.map(([name, { id }]) => ({ [`${object}Id`]: row!.id, [columnOf(name)]: id })),
      )
    }
  },
)

it('a field and an option that are new in the workspace are found without a restart', async () => {
  bench = await twentyBench()
  const update = () => item('create', { object: 'person', values: { nickname: 'Countess' } })
  expect(await bench.run([update()])).toMatchObject([{ code: 'UNKNOWN_FIELD' }])
  const { objectMetadataId } = await personMetadata()
  await fetch(`${bench.twenty.url}/rest/metadata/fields`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bench.twenty.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ objectMetadataId, type: 'TEXT', name: 'nickname', label: 'Nickname' }),
  })
  // A metadata event asks for this.
  await bench.client.schemas.refresh()
  expect(await bench.run([update()])).toMatchObject([{ result: { nickname: 'Countess' } }])
})

async function personMetadata(): Promise<{ objectMetadataId: string }> {
  const answer = await fetch(`${bench.twenty.url}/rest/metadata/objects`, {
    headers: { authorization: `Bearer ${bench.twenty.apiKey}` },
  })
  const body = (await answer.json()) as { data: { objects: { id: string; nameSingular: string }[] } }
  return { objectMetadataId: body.data.objects.find(object => object.nameSingular === 'person')!.id }
}
