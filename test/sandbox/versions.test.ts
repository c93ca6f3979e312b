import { describe, expect, it } from 'vitest'
import { workspace } from './workspace.ts'

describe('version switches', () => {
  it('domains: bare host, or URL with a lower-case origin', () => {
    const { twenty, company } = workspace()
    const stored = (primaryLinkUrl: string) => company({ domainName: { primaryLinkUrl } }).domainName.primaryLinkUrl
    expect(stored('https://www.Acme.com/about?x=1')).toBe('acme.com')
    expect(stored('https://user:pw@Shop.Acme.org:8443/')).toBe('shop.acme.org')
    expect(stored('acme.net.')).toBe('acme.net')
    expect(stored('Приклад.укр')).toBe('xn--80aikifvh.xn--j1amh')
    twenty.faults.versions.domainAs = 'url'
    expect(stored('https://WWW.Acme.io/About/')).toBe('https://www.acme.io/About')
  })

  it('omitted parts of links: nulled, kept, or nulled for every composite', () => {
    const { twenty, call, person } = workspace()
    const { id } = person({
      name: { firstName: 'Ada', lastName: 'L' },
      linkedinLink: { primaryLinkUrl: 'https://a.co/x', primaryLinkLabel: 'label' },
    })
    const patch = (values: object) => call('PATCH', `/rest/people/${id}`, values).body.data.updatePerson
    expect(patch({ linkedinLink: { primaryLinkUrl: 'https://a.co/y' } }).linkedinLink.primaryLinkLabel).toBeNull()
    expect(patch({ name: { firstName: 'Eva' } }).name).toEqual({ firstName: 'Eva', lastName: 'L' })
    twenty.faults.versions.partialComposites = 'keep'
    patch({ linkedinLink: { primaryLinkLabel: 'back' } })
    expect(patch({ linkedinLink: { primaryLinkUrl: 'https://a.co/z' } }).linkedinLink.primaryLinkLabel).toBe('back')
    twenty.faults.versions.partialComposites = 'all'
    expect(patch({ name: { firstName: 'Eve' } }).name).toEqual({ firstName: 'Eve', lastName: null })
  })

  it('soft-deleted rows hold their unique values, or not', () => {
    const { twenty, call, person } = workspace()
    const emails = { primaryEmail: 'a@example.com' }
    const { id } = person({ emails })
    call('DELETE', `/rest/people/${id}?soft_delete=true`)
    expect(call('POST', '/rest/people', { emails }).status).toBe(400)
    twenty.faults.versions.softDeletedRowsAreUnique = false
    expect(call('POST', '/rest/people', { emails }).status).toBe(201)
    // Its value is taken meanwhile.
    expect(call('PATCH', `/rest/people/${id}/restore`).status).toBe(400)
  })

  it('older field names and fields', () => {
    const older = workspace({ schema: { targetColumns: 'personId', fieldSet: 'older' } })
    expect(older.person({ city: 'Riga' })).toMatchObject({ city: 'Riga' })
    const note = older.call('POST', '/rest/notes', { title: 'x' }).body.data.createNote
    const link = older.call('POST', '/rest/noteTargets?depth=0', { noteId: note.id, personId: older.person().id })
    expect(link.status).toBe(201)
    const current = workspace()
    expect(current.call('POST', '/rest/people', { city: 'Riga' }).status).toBe(400)
  })

  it('envelopes of metadata, destroy, merge and groupBy', () => {
    const { twenty, call, person } = workspace()
    const { versions } = twenty.faults
    expect(call('GET', '/rest/metadata/objects').body.data.objects.length).toBeGreaterThan(5)
    versions.metadataFormat = 'direct'
    expect(Array.isArray(call('GET', '/rest/metadata/objects').body.data)).toBe(true)
    versions.destroyKey = 'destroy'
    expect(call('DELETE', `/rest/people/${person().id}`).body.data).toHaveProperty('destroyPerson')
    const merge = () =>
      call('PATCH', '/rest/people/merge', { ids: [person().id, person().id], conflictPriorityIndex: 1 })
    expect(merge().body.data).toHaveProperty('mergePeople')
    versions.mergeKey = 'singular'
    expect(merge().body.data).toHaveProperty('mergePerson')
    versions.groupByFormat = 'array'
    const group = encodeURIComponent('[{"jobTitle":true}]')
    expect(call('GET', `/rest/people/groupBy?group_by=${group}`).body).toEqual([{ groupByDimensionValues: [null] }])
  })

  it('restore by either path', () => {
    const { call, person } = workspace()
    const { id } = person()
    for (const path of [`people/${id}/restore`, `restore/people/${id}`]) {
      call('DELETE', `/rest/people/${id}?soft_delete=true`)
      expect(call('PATCH', `/rest/${path}`).body.data.restorePerson).toMatchObject({ id, deletedAt: null })
    }
    const filter = encodeURIComponent(`id[eq]:${id}`)
    for (const path of ['people/restore', 'restore/people']) {
      call('DELETE', `/rest/people/${id}?soft_delete=true`)
      expect(call('PATCH', `/rest/${path}?filter=${filter}`).body.data.restorePeople).toHaveLength(1)
    }
  })

  it('issue 20109: the boundary row comes again', () => {
    const { twenty, call, person } = workspace()
    for (const jobTitle of ['a', 'b', 'c']) person({ jobTitle })
    const page = (more = '') => call('GET', `/rest/people?depth=0&limit=2&order_by=jobTitle${more}`).body
    const titles = (body: { data: { people: { jobTitle: string }[] } }) => body.data.people.map(each => each.jobTitle)
    const after = `&starting_after=${encodeURIComponent(page().pageInfo.endCursor)}`
    expect(titles(page(after))).toEqual(['c'])
    twenty.faults.versions.orderByCursorBug = true
    expect(titles(page(after))).toEqual(['b', 'c'])
    const nested = call('GET', '/rest/people?limit=2&order_by=name.firstName').body.pageInfo.endCursor
    const refused = call('GET', `/rest/people?order_by=name.firstName&starting_after=${encodeURIComponent(nested)}`)
    expect(refused.body.code).toBe('INVALID_CURSOR')
  })

  it('empty text, numbers as text, and rows of an upsert as given', () => {
    const { twenty, call } = workspace()
    const { versions } = twenty.faults
    const create = (values: object) => call('POST', '/rest/opportunities?depth=0', values).body.data.createOpportunity
    expect(create({ name: '' }).name).toBeNull()
    versions.emptyTextAs = 'empty'
    versions.numericAs = 'string'
    expect(create({ name: '', amount: { amountMicros: 5, currencyCode: 'EUR' } })).toMatchObject({
      name: '',
      amount: { amountMicros: '5' },
    })
    const upsert = (...emails: string[]) =>
      call(
        'POST',
        '/rest/batch/people?upsert=true&depth=0',
        emails.map(primaryEmail => ({ emails: { primaryEmail } })),
      ).body.data.createPeople.map((each: { emails: { primaryEmail: string } }) => each.emails.primaryEmail)
    upsert('old@a.co')
    expect(upsert('new@a.co', 'old@a.co')).toEqual(['old@a.co', 'new@a.co'])
    versions.upsertAnswerOrder = 'input'
    expect(upsert('newer@a.co', 'old@a.co')).toEqual(['newer@a.co', 'old@a.co'])
  })
})
