import { describe, expect, it } from 'vitest'
import { type Api, DUPLICATE, uuid } from './api.ts'

/** One record at a time: create, read, update, delete, and what the server makes of values. */
export function describeRecords(api: Api): void {
  describe('access', () => {
    it('lets a good key in and answers its health', async () => {
      expect((await api.get('/healthz')).status).toBe(200)
      expect((await api.get('/rest/people?limit=1')).status).toBe(200)
    })

    it('refuses a wrong token with 401 and a missing one with 401 or 403, in the error envelope', async () => {
      const wrong = await api.call('GET', '/rest/people', undefined, 'not-a-token')
      expect(wrong.status).toBe(401)
      expect(wrong.body).toMatchObject({ statusCode: 401, messages: expect.any(Array) })
      const missing = await api.call('GET', '/rest/people', undefined, '')
      expect([401, 403]).toContain(missing.status)
    })

    it('refuses the singular and unknown objects with 400 and a hint', async () => {
      const singular = await api.get('/rest/person')
      expect(singular.status).toBe(400)
      expect(singular.body.messages.join()).toMatch(/people/)
      expect((await api.get('/rest/nothingOfTheKind')).status).toBe(400)
    })
  })

  describe('create', () => {
    it('answers 201 with the record under createPerson', async () => {
      const reply = await api.post('/rest/people', { name: { firstName: 'Ada', lastName: api.tag } })
      expect(reply.status).toBe(201)
      expect(reply.body.data.createPerson).toMatchObject({
        name: { firstName: 'Ada', lastName: api.tag },
        deletedAt: null,
        companyId: null,
      })
      expect(Date.parse(reply.body.data.createPerson.createdAt)).not.toBeNaN()
    })

    it.each([1, 3, 4, 5])('honours a client id of version %i', async version => {
      const id = uuid(version)
      expect((await api.person({ id })).id).toBe(id)
    })

    it('refuses a client id of version 7', async () => {
      expect((await api.post('/rest/people', { id: uuid(7), jobTitle: api.tag })).status).toBe(400)
    })

    it('refuses an id that exists', async () => {
      const { id } = await api.person()
      const again = await api.post('/rest/people', { id })
      expect(again.status).toBe(400)
      expect(again.body.messages.join()).toMatch(DUPLICATE)
    })

    it('stamps the key as the author', async () => {
      const person = await api.person()
      expect(person.createdBy).toMatchObject({ source: 'API', workspaceMemberId: null, name: expect.any(String) })
      if (person.updatedBy) expect(person.updatedBy).toEqual(person.createdBy)
    })

    it('fills defaults and the position', async () => {
      const reply = await api.post('/rest/opportunities?depth=0', { name: api.tag })
      expect(reply.body.data.createOpportunity).toMatchObject({ stage: 'NEW', position: expect.any(Number) })
    })

    it.each([
      ['an unknown field', { noSuchField: 1 }],
      ['a broken e-mail', { emails: { primaryEmail: 'no at sign' } }],
      ['a foreign key that is no UUID', { companyId: 'acme' }],
      ['text where a composite belongs', { name: 'Ada' }],
    ])('refuses %s with 400', async (_name, values) => {
      const reply = await api.post('/rest/people', values)
      expect(reply.status).toBe(400)
      expect(reply.body.messages.length).toBeGreaterThan(0)
    })

    it('refuses a select value that is no option', async () => {
      expect((await api.post('/rest/opportunities', { name: api.tag, stage: 'WON_BY_MAGIC' })).status).toBe(400)
    })
  })

  describe('values', () => {
    it('lower-cases e-mail addresses', async () => {
      const email = api.email()
      const person = await api.person({ emails: { primaryEmail: email.toUpperCase(), additionalEmails: [] } })
      expect(person.emails).toMatchObject({ primaryEmail: email })
    })

    it('clears the primary address when only additional ones are sent', async () => {
      const { id } = await api.person({ emails: { primaryEmail: api.email() } })
      const reply = await api.patch(`/rest/people/${id}`, { emails: { additionalEmails: [api.email()] } })
      expect(reply.body.data.updatePerson.emails.primaryEmail || null).toBeNull()
    })

    it('reduces a company domain to its host, or lower-cases the origin on older servers', async () => {
      const domain = api.domain()
      const url = `https://www.${domain.toUpperCase()}/about?x=1`
      const company = await api.company({ domainName: { primaryLinkUrl: url } })
      const { primaryLinkUrl } = company.domainName as { primaryLinkUrl: string }
      expect([domain, `https://www.${domain}/about?x=1`]).toContain(primaryLinkUrl)
    })

    it('keeps path and query of other links, without one trailing slash', async () => {
      const person = await api.person({ linkedinLink: { primaryLinkUrl: 'https://LinkedIn.com/in/Ada/' } })
      expect(person.linkedinLink).toMatchObject({ primaryLinkUrl: 'https://linkedin.com/in/Ada' })
    })

    it('takes amounts in micros and answers them as number or text', async () => {
      const reply = await api.post('/rest/opportunities?depth=0', {
        name: api.tag,
        amount: { amountMicros: 1_250_000_000, currencyCode: 'EUR' },
      })
      const { amount } = reply.body.data.createOpportunity
      expect(Number(amount.amountMicros)).toBe(1_250_000_000)
      expect(amount.currencyCode).toBe('EUR')
    })

    it('calls the postcode addressPostcode', async () => {
      const company = await api.company({ address: { addressCity: 'Riga', addressPostcode: 'LV-1010' } })
      expect(company.address).toMatchObject({ addressCity: 'Riga', addressPostcode: 'LV-1010' })
    })

    it('derives the block document of a note from its markdown', async () => {
      const reply = await api.post('/rest/notes?depth=0', { title: api.tag, bodyV2: { markdown: 'Hello' } })
      expect(reply.status).toBe(201)
      expect(reply.body.data.createNote.bodyV2.markdown.trim()).toBe('Hello')
      expect(reply.body.data.createNote.bodyV2.blocknote).toContain('Hello')
    })
  })

  describe('read, update and delete one', () => {
    it('reads under the singular name; an unknown id is 404, a malformed one 400', async () => {
      const { id } = await api.person()
      expect((await api.get(`/rest/people/${id}`)).body.data.person.id).toBe(id)
      const unknown = await api.get(`/rest/people/${uuid(4)}`)
      expect(unknown.status).toBe(404)
      expect(unknown.body).toMatchObject({ statusCode: 404, messages: [expect.any(String)] })
      expect((await api.get('/rest/people/not-a-uuid')).status).toBe(400)
      expect((await api.get(`/rest/people/${uuid(7)}`)).status).toBe(400)
    })

    it('updates by PATCH, and by PUT as its alias, and moves updatedAt on', async () => {
      const before = await api.person()
      const patched = await api.patch(`/rest/people/${before.id}`, { jobTitle: 'CTO' })
      expect(patched.status).toBe(200)
      const after = patched.body.data.updatePerson
      expect(after.jobTitle).toBe('CTO')
      expect(Date.parse(after.updatedAt)).toBeGreaterThan(Date.parse(before.updatedAt))
      const put = await api.call('PUT', `/rest/people/${before.id}`, { jobTitle: 'CEO' })
      expect(put.body.data.updatePerson.jobTitle).toBe('CEO')
    })

    it('answers 404 to an update of an unknown id', async () => {
      expect((await api.patch(`/rest/people/${uuid(4)}`, { jobTitle: 'x' })).status).toBe(404)
    })

    it('hides a soft-deleted record, shows it to a filter on deletedAt, and restores it', async () => {
      const { id } = await api.person()
      const deleted = await api.delete(`/rest/people/${id}?soft_delete=true`)
      expect(deleted.status).toBe(200)
      expect(deleted.body.data.deletePerson).toEqual({ id })
      expect((await api.get(`/rest/people/${id}`)).status).toBe(404)
      expect(await api.find('people', `id[eq]:${id}`)).toEqual([])
      expect(await api.find('people', `id[eq]:${id},deletedAt[is]:NOT_NULL`)).toHaveLength(1)
      const restored = await api.patch(`/rest/people/${id}/restore`)
      expect(restored.body.data.restorePerson).toMatchObject({ id, deletedAt: null })
      expect((await api.get(`/rest/people/${id}`)).status).toBe(200)
    })

    it('destroys for good when soft_delete is not asked for', async () => {
      const { id } = await api.person()
      const destroyed = await api.delete(`/rest/people/${id}`)
      expect(destroyed.status).toBe(200)
      expect(destroyed.body.data.deletePerson ?? destroyed.body.data.destroyPerson).toMatchObject({ id })
      expect(await api.find('people', `id[eq]:${id},deletedAt[is]:NOT_NULL`)).toEqual([])
      expect((await api.delete(`/rest/people/${id}`)).status).toBe(404)
    })
  })

  describe('uniqueness', () => {
    it('refuses a second person with the same e-mail, whatever its case', async () => {
      const email = api.email()
      await api.person({ emails: { primaryEmail: email } })
      const again = await api.post('/rest/people', { emails: { primaryEmail: email.toUpperCase() } })
      expect(again.status).toBe(400)
      expect(again.body.messages.join()).toMatch(DUPLICATE)
    })

    it('refuses a second company with the same domain', async () => {
      const domain = api.domain()
      await api.company({ domainName: { primaryLinkUrl: domain } })
      const again = await api.post('/rest/companies', { domainName: { primaryLinkUrl: domain } })
      expect(again.status).toBe(400)
    })

    it('keeps the e-mail of a soft-deleted person taken', async () => {
      const email = api.email()
      const { id } = await api.person({ emails: { primaryEmail: email } })
      await api.delete(`/rest/people/${id}?soft_delete=true`)
      expect((await api.post('/rest/people', { emails: { primaryEmail: email } })).status).toBe(400)
    })

    it('lets many have no e-mail', async () => {
      await api.person()
      await api.person()
    })
  })

  describe('links between records', () => {
    it('links by foreign key and by connect, and unlinks', async () => {
      const domain = api.domain()
      const company = await api.company({ domainName: { primaryLinkUrl: domain } })
      const person = await api.person({ companyId: company.id })
      expect(person.companyId).toBe(company.id)
      const { primaryLinkUrl } = company.domainName as { primaryLinkUrl: string }
      const other = await api.person({ company: { connect: { where: { domainName: { primaryLinkUrl } } } } })
      expect(other.companyId).toBe(company.id)
      const unlinked = await api.patch(`/rest/people/${person.id}`, { company: { disconnect: true } })
      expect(unlinked.body.data.updatePerson.companyId).toBeNull()
    })

    it('refuses a foreign key whose record does not exist', async () => {
      expect((await api.post('/rest/people', { companyId: uuid(4) })).status).toBe(400)
    })

    it('links a note to a person once', async () => {
      const person = await api.person()
      const note = (await api.post('/rest/notes', { title: api.tag })).body.data.createNote
      const newer = await api.post('/rest/noteTargets', { noteId: note.id, targetPersonId: person.id })
      const column = newer.status === 201 ? 'targetPersonId' : 'personId'
      const link = { noteId: note.id, [column]: person.id }
      if (column === 'personId') expect((await api.post('/rest/noteTargets', link)).status).toBe(201)
      const again = await api.post('/rest/noteTargets', link)
      expect(again.status).toBe(400)
      expect(again.body.messages.join()).toMatch(DUPLICATE)
    })

    it('nulls the foreign key when the company is destroyed', async () => {
      const company = await api.company()
      const person = await api.person({ companyId: company.id })
      await api.delete(`/rest/companies/${company.id}`)
      expect((await api.get(`/rest/people/${person.id}?depth=0`)).body.data.person.companyId).toBeNull()
    })
  })
}
