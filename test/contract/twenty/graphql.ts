import { describe, expect, it } from 'vitest'
import { type Api, DUPLICATE } from './api.ts'

/** The forms of the GraphQL record API that are known from client code. */
export function describeGraphql(api: Api): void {
  describe('GraphQL', () => {
    it('upserts many, finds by a composite filter, updates and deletes', async () => {
      const email = api.email()
      const created = await api.graphql(
        `mutation ($data: [PersonCreateInput!]!) { createPeople(data: $data, upsert: true) { id updatedAt } }`,
        { data: [{ name: { firstName: 'Ada', lastName: api.tag }, emails: { primaryEmail: email } }] },
      )
      expect(created.status).toBe(200)
      const { id } = created.body.data.createPeople[0]
      api.created('people', id)

      const found = await api.graphql(
        `query { people(filter: {emails: {primaryEmail: {eq: "${email}"}}}, orderBy: [{updatedAt: AscNullsFirst}], first: 60) {
          edges { node { id name { firstName } } cursor } pageInfo { hasNextPage endCursor } totalCount } }`,
      )
      expect(found.body.data.people).toMatchObject({
        edges: [{ node: { id, name: { firstName: 'Ada' } }, cursor: expect.any(String) }],
        pageInfo: { hasNextPage: false },
        totalCount: 1,
      })

      const updated = await api.graphql(
        `mutation { updatePerson(id: "${id}", data: {jobTitle: "CTO"}) { id jobTitle } }`,
      )
      expect(updated.body.data.updatePerson).toEqual({ id, jobTitle: 'CTO' })
      const deleted = await api.graphql(`mutation { deletePerson(id: "${id}") { id deletedAt } }`)
      expect(deleted.body.data.deletePerson).toEqual({ id, deletedAt: expect.any(String) })
    })

    it('answers errors with 200, and names the record that holds the value', async () => {
      const email = api.email()
      const { id } = await api.person({ emails: { primaryEmail: email } })
      const reply = await api.graphql(
        `mutation ($email: String) { createPerson(data: {emails: {primaryEmail: $email}}) { id } }`,
        { email },
      )
      expect(reply.status).toBe(200)
      const [error] = reply.body.errors
      expect(error.message).toMatch(DUPLICATE)
      if (error.extensions.conflictingRecordId) expect(error.extensions.conflictingRecordId).toBe(id)
    })

    it('refuses fields that do not exist before anything is done', async () => {
      const reply = await api.graphql(
        `mutation { createPerson(data: {jobTitle: "${api.tag}-never"}) { id noSuchField } }`,
      )
      expect(reply.body.errors.length).toBeGreaterThan(0)
      expect(await api.find('people', `jobTitle[eq]:"${api.tag}-never"`)).toEqual([])
    })
  })
}
