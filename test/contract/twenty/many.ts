import { describe, expect, it } from 'vitest'
import { type Api, DUPLICATE, type Json, uuid } from './api.ts'

/** Batches, upserts, and calls that change many records at once. */
export function describeMany(api: Api): void {
  describe('batch create', () => {
    it('refuses more than 200 and what is no list', async () => {
      const many = Array.from({ length: 201 }, () => ({ jobTitle: api.tag }))
      expect((await api.post('/rest/batch/people', many)).status).toBe(400)
      expect((await api.post('/rest/batch/people', { jobTitle: api.tag })).status).toBe(400)
    })

    it('creates nothing when one of them is a duplicate', async () => {
      const email = api.email()
      await api.person({ emails: { primaryEmail: email } })
      const other = api.email()
      const reply = await api.post('/rest/batch/people', [
        { emails: { primaryEmail: other } },
        { emails: { primaryEmail: email } },
      ])
      expect(reply.status).toBe(400)
      expect(reply.body.messages.join()).toMatch(DUPLICATE)
      expect(await api.find('people', `emails.primaryEmail[eq]:"${other}"`)).toEqual([])
    })
  })

  describe('upsert', () => {
    const upsert = (records: unknown) => api.post('/rest/batch/people?upsert=true&depth=0', records)

    it('inserts what is new and updates what matches by e-mail', async () => {
      const known = api.email()
      const fresh = api.email()
      const before = await api.person({ emails: { primaryEmail: known } })
      const reply = await upsert([
        { emails: { primaryEmail: fresh }, jobTitle: 'New' },
        { emails: { primaryEmail: known.toUpperCase() }, jobTitle: 'Changed' },
      ])
      expect(reply.status).toBe(201)
      const rows: { id: string; jobTitle: string; emails: Json }[] = reply.body.data.createPeople
      // The order of the answer is not that of the input: rows are told by what they hold.
      const byEmail = new Map(rows.map(row => [row.emails.primaryEmail, row]))
      expect(byEmail.get(known)).toMatchObject({ id: before.id, jobTitle: 'Changed', createdBy: before.createdBy })
      expect(byEmail.get(fresh)).toMatchObject({ jobTitle: 'New' })
    })

    it('updates by id and leaves unnamed fields alone', async () => {
      const before = await api.person({ name: { firstName: 'Ada', lastName: api.tag } })
      const reply = await api.post('/rest/people?upsert=true&depth=0', { id: before.id, jobTitle: 'Upserted' })
      expect(reply.status).toBe(201)
      expect(reply.body.data.createPerson).toMatchObject({ id: before.id, jobTitle: 'Upserted', name: before.name })
    })

    it('restores a soft-deleted match without a word', async () => {
      const email = api.email()
      const { id } = await api.person({ emails: { primaryEmail: email } })
      await api.delete(`/rest/people/${id}?soft_delete=true`)
      await upsert([{ emails: { primaryEmail: email } }])
      expect((await api.get(`/rest/people/${id}`)).body.data.person.deletedAt).toBeNull()
    })

    it('refuses an input that matches two records', async () => {
      const email = api.email()
      await api.person({ emails: { primaryEmail: email } })
      const other = await api.person()
      const reply = await upsert([{ id: other.id, emails: { primaryEmail: email } }])
      expect(reply.status).toBe(400)
    })

    it('inserts with the id that the client gives', async () => {
      const id = uuid(5)
      const reply = await upsert([{ id, jobTitle: api.tag }])
      expect(reply.body.data.createPeople[0].id).toBe(id)
    })

    it('is asked for by the exact text true', async () => {
      const email = api.email()
      await api.person({ emails: { primaryEmail: email } })
      const reply = await api.post('/rest/people?upsert=True', { emails: { primaryEmail: email } })
      expect(reply.status).toBe(400)
    })
  })

  describe('by filter', () => {
    const marked = (title: string) => encodeURIComponent(`jobTitle[eq]:"${api.tag} ${title}"`)
    const make = (title: string) =>
      api.post('/rest/batch/people', [{ jobTitle: `${api.tag} ${title}` }, { jobTitle: `${api.tag} ${title}` }])

    it('updates, soft-deletes, restores and destroys', async () => {
      await make('a')
      const updated = await api.patch(`/rest/people?filter=${marked('a')}`, { jobTitle: `${api.tag} b` })
      expect(updated.body.data.updatePeople).toHaveLength(2)
      const deleted = await api.delete(`/rest/people?soft_delete=true&filter=${marked('b')}`)
      expect(deleted.body.data.deletePeople).toHaveLength(2)
      expect(await api.find('people', `jobTitle[eq]:"${api.tag} b"`)).toEqual([])
      const restored = await api.patch(
        `/rest/people/restore?filter=${encodeURIComponent(`jobTitle[eq]:"${api.tag} b",deletedAt[is]:NOT_NULL`)}`,
      )
      expect(restored.body.data.restorePeople).toHaveLength(2)
      const destroyed = await api.delete(`/rest/people?filter=${marked('b')}`)
      expect(destroyed.body.data.deletePeople ?? destroyed.body.data.destroyPeople).toHaveLength(2)
    })

    it('refuses to delete without a filter', async () => {
      expect((await api.delete('/rest/people?soft_delete=true')).status).toBe(400)
      expect((await api.delete('/rest/people')).status).toBe(400)
    })
  })

  describe('duplicates, merge and groups', () => {
    it('finds duplicates by data and by id, one entry per input', async () => {
      const name = { firstName: 'Double', lastName: api.tag }
      const first = await api.person({ name })
      const second = await api.person({ name })
      const byData = await api.post('/rest/people/duplicates', { data: [{ name }] })
      expect(byData.status).toBe(200)
      expect(byData.body.data).toHaveLength(1)
      expect(byData.body.data[0].totalCount).toBe(2)
      const byId = await api.post('/rest/people/duplicates', { ids: [first.id] })
      expect(byId.body.data[0].personDuplicates.map((each: Json) => each.id)).toEqual([second.id])
      expect((await api.post('/rest/people/duplicates', { data: [] })).status).toBe(400)
    })

    it('merges into the record that has priority', async () => {
      const winner = await api.person({ name: { firstName: 'Winner', lastName: api.tag }, jobTitle: null })
      const loser = await api.person({ jobTitle: 'Kept' })
      const body = { ids: [winner.id, loser.id], conflictPriorityIndex: 0, dryRun: false }
      const reply = await api.patch('/rest/people/merge', body)
      expect(reply.status).toBe(200)
      expect(reply.body.data.mergePeople ?? reply.body.data.mergePerson).toMatchObject({
        id: winner.id,
        jobTitle: 'Kept',
      })
      expect((await api.get(`/rest/people/${loser.id}`)).status).toBe(404)
    })

    it('groups with aggregates', async () => {
      for (const amount of [1, 2])
        await api.post('/rest/opportunities', {
          name: `${api.tag}-group`,
          amount: { amountMicros: amount * 1_000_000, currencyCode: 'EUR' },
        })
      const query = new URLSearchParams({
        group_by: '[{"stage":true}]',
        aggregate: '["maxAmountAmountMicros"]',
        filter: `name[eq]:"${api.tag}-group"`,
      })
      const reply = await api.get(`/rest/opportunities/groupBy?${query}`)
      expect(reply.status).toBe(200)
      const groups = Array.isArray(reply.body) ? reply.body : reply.body.data.opportunitiesGroupBy
      expect(groups).toHaveLength(1)
      expect(groups[0].groupByDimensionValues).toEqual(['NEW'])
      expect(Number(groups[0].maxAmountAmountMicros)).toBe(2_000_000)
    })
  })
}
