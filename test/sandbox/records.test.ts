import { describe, expect, it } from 'vitest'
import { workspace } from './workspace.ts'

describe('records', () => {
  it('never show one row twice with the same updatedAt, even within a millisecond', () => {
    const { call, person } = workspace()
    const { id, updatedAt } = person()
    const seen = [updatedAt]
    for (let n = 0; n < 50; n++)
      seen.push(call('PATCH', `/rest/people/${id}`, { jobTitle: `t${n}` }).body.data.updatePerson.updatedAt)
    expect(new Set(seen).size).toBe(51)
    expect([...seen].sort()).toEqual(seen)
  })

  it('move updatedAt on a real change alone', () => {
    const { call, person } = workspace()
    const { id, updatedAt } = person({ jobTitle: 'CTO', emails: { primaryEmail: 'a@b.co' } })
    const same = { jobTitle: 'CTO', emails: { primaryEmail: 'A@B.co' } }
    expect(call('PATCH', `/rest/people/${id}`, same).body.data.updatePerson.updatedAt).toBe(updatedAt)
  })

  it('ignore updatedAt and updatedBy from clients, take createdAt and createdBy.source on create', () => {
    const { person } = workspace()
    const made = person({
      updatedAt: '2001-01-01T00:00:00Z',
      createdAt: '2020-02-05T08:00:00.000Z',
      createdBy: { source: 'EMAIL', name: 'Somebody' },
      updatedBy: { source: 'EMAIL' },
    })
    expect(made.createdAt).toBe('2020-02-05T08:00:00.000Z')
    expect(made.updatedAt).not.toMatch(/^2001/)
    expect(made.createdBy).toEqual({ source: 'EMAIL', workspaceMemberId: null, name: 'sandbox-key', context: {} })
    expect(made.updatedBy.source).toBe('API')
  })

  it('keep a person that was upserted: createdBy stays, unnamed fields stay', () => {
    const { twenty, call } = workspace()
    const member = String([...twenty.records.table('workspaceMember').rows()][0]!.id)
    const made = call(
      'POST',
      '/rest/people?depth=0',
      { emails: { primaryEmail: 'a@b.co' }, jobTitle: 'x' },
      `user-${member}`,
    )
    const before = made.body.data.createPerson
    expect(before.createdBy.source).toBe('MANUAL')
    const reply = call('POST', '/rest/people?upsert=true&depth=0', {
      emails: { primaryEmail: 'a@b.co' },
      createdBy: { source: 'API' },
    })
    expect(reply.body.data.createPerson).toMatchObject({
      createdBy: before.createdBy,
      jobTitle: 'x',
      createdAt: before.createdAt,
    })
  })

  it('leave the updates of an upsert in place when its inserts clash', () => {
    const { call, person } = workspace()
    const { id } = person({ emails: { primaryEmail: 'a@b.co' } })
    const twins = [{ emails: { primaryEmail: 'twin@b.co' } }, { emails: { primaryEmail: 'twin@b.co' } }]
    const reply = call('POST', '/rest/batch/people?upsert=true', [...twins, { id, jobTitle: 'Updated' }])
    expect(reply.status).toBe(400)
    expect(call('GET', `/rest/people/${id}`).body.data.person.jobTitle).toBe('Updated')
    expect(call('GET', '/rest/people').body.totalCount).toBe(1)
  })

  it('refuse an upsert that matches two rows before anything of its batch is applied', () => {
    const { call, person } = workspace()
    person({ emails: { primaryEmail: 'a@b.co' } })
    const { id } = person()
    const reply = call('POST', '/rest/batch/people?upsert=true', [
      { emails: { primaryEmail: 'fresh@b.co' } },
      { id, emails: { primaryEmail: 'a@b.co' } },
    ])
    expect(reply).toMatchObject({ status: 400, body: { code: 'UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT' } })
    expect(call('GET', '/rest/people').body.totalCount).toBe(2)
  })

  it('change none when a change by filter clashes half-way', () => {
    const { call } = workspace()
    call('POST', '/rest/batch/people', [{ jobTitle: 'twin' }, { jobTitle: 'twin' }])
    const filter = encodeURIComponent('jobTitle[eq]:"twin"')
    const reply = call('PATCH', `/rest/people?filter=${filter}`, { emails: { primaryEmail: 'one@b.co' } })
    expect(reply.status).toBe(400)
    const rows = call('GET', '/rest/people').body.data.people
    expect(rows.map((row: { emails: { primaryEmail: unknown } }) => row.emails.primaryEmail)).toEqual([null, null])
  })

  it('compare with null as SQL does: unknown, and so is its negation', () => {
    const { call, person } = workspace()
    for (const jobTitle of ['x', 'y', null]) person({ jobTitle })
    const count = (filter: string) => call('GET', `/rest/people?filter=${encodeURIComponent(filter)}`).body.totalCount
    expect(count('not(jobTitle[eq]:x)')).toBe(1)
    expect(count('jobTitle[neq]:x')).toBe(1)
    expect(count('or(jobTitle[neq]:x,jobTitle[is]:NULL)')).toBe(2)
    expect(count('not(and(jobTitle[eq]:x,jobTitle[eq]:y))')).toBe(2)
  })

  it('change at most 100 rows by filter', () => {
    const { call } = workspace()
    call(
      'POST',
      '/rest/batch/people',
      Array.from({ length: 101 }, () => ({ jobTitle: 'many' })),
    )
    const filter = encodeURIComponent('jobTitle[eq]:"many"')
    expect(call('PATCH', `/rest/people?filter=${filter}`, { jobTitle: 'x' }).status).toBe(400)
    expect(call('DELETE', `/rest/people?soft_delete=true&filter=${filter}`).status).toBe(400)
    expect(call('GET', `/rest/people?filter=${filter}`).body.totalCount).toBe(101)
  })

  it('refuse a stolen unique value on update, and leave the row as it was', () => {
    const { call, person } = workspace()
    person({ emails: { primaryEmail: 'a@b.co' } })
    const { id } = person({ emails: { primaryEmail: 'c@b.co' }, jobTitle: 'x' })
    expect(call('PATCH', `/rest/people/${id}`, { jobTitle: 'y', emails: { primaryEmail: 'a@b.co' } }).status).toBe(400)
    expect(call('GET', `/rest/people/${id}`).body.data.person).toMatchObject({
      jobTitle: 'x',
      emails: { primaryEmail: 'c@b.co' },
    })
    expect(call('PATCH', `/rest/people/${id}`, { emails: { primaryEmail: 'free@b.co' } }).status).toBe(200)
    expect(call('POST', '/rest/people', { emails: { primaryEmail: 'c@b.co' } }).status).toBe(201)
  })

  it('re-point and remove on merge', () => {
    const { call, person, company } = workspace()
    const winner = company({ name: 'Winner' })
    const loser = company({ name: 'Loser', domainName: { primaryLinkUrl: 'loser.co' } })
    const { id } = person({ companyId: loser.id })
    call('PATCH', '/rest/companies/merge', { ids: [winner.id, loser.id], conflictPriorityIndex: 0 })
    expect(call('GET', `/rest/people/${id}?depth=0`).body.data.person.companyId).toBe(winner.id)
    expect(call('GET', `/rest/companies/${winner.id}?depth=0`).body.data.company).toMatchObject({
      name: 'Winner',
      domainName: { primaryLinkUrl: 'loser.co' },
    })
    const preview = call('PATCH', '/rest/companies/merge', {
      ids: [winner.id, company().id],
      conflictPriorityIndex: 0,
      dryRun: true,
    })
    expect(preview.status).toBe(200)
    expect(call('GET', '/rest/companies').body.totalCount).toBe(2)
  })

  it('show chosen fields only', () => {
    const { call, person } = workspace()
    const { id } = person({ jobTitle: 'x' })
    const shown = call('GET', `/rest/people/${id}?fields=jobTitle,name`).body.data.person
    expect(Object.keys(shown).sort()).toEqual(['id', 'jobTitle', 'name'])
    expect(call('GET', `/rest/people/${id}?fields=nope`).status).toBe(400)
    expect(call('POST', '/rest/people?fields=id', {}).body.data.createPerson).toEqual({ id: expect.any(String) })
  })

  it('walk a big object in pages without a gap while rows come and go', () => {
    const { twenty, call } = workspace()
    const object = twenty.records.schema.bySingular('person')!
    twenty.records.create(
      object,
      Array.from({ length: 2_000 }, () => ({})),
      { kind: 'system' },
      true,
    )
    const before = new Set([...twenty.records.table('person').rows()].map(row => row.id))
    const seen = new Set<unknown>()
    let cursor = ''
    for (;;) {
      const { data, pageInfo } = call('GET', `/rest/people?depth=0&limit=200${cursor}`).body
      for (const { id } of data.people) seen.add(id)
      call('POST', '/rest/people', {})
      const gone = data.people[0].id
      call('DELETE', `/rest/people/${gone}`)
      if (!pageInfo.hasNextPage) break
      cursor = `&starting_after=${encodeURIComponent(pageInfo.endCursor)}`
    }
    expect([...before].filter(id => !seen.has(id))).toEqual([])
  })
})
