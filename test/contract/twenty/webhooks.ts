import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api, Json } from './api.ts'
import { type Received, Receiver } from './receiver.ts'

/** The CRUD of webhooks; needs no delivery. */
export function describeWebhookCrud(api: Api): void {
  describe('webhooks', () => {
    it.each(['/rest/webhooks', '/rest/metadata/webhooks'])(
      'are made, listed, changed and removed at %s',
      async path => {
        const targetUrl = `https://sync.example.com/hooks/${api.tag}`
        const made = await api.call('POST', path, { targetUrl, operations: ['person.*'], description: api.tag })
        expect(made.status).toBe(201)
        const { id } = made.body
        expect(made.body).toMatchObject({ targetUrl, operations: ['person.*'], description: api.tag })
        expect(made.body.secret).toEqual(expect.any(String))
        const { body } = await api.get(path)
        const all: Json[] = Array.isArray(body) ? body : body.data
        expect(all.map(each => each.id)).toContain(id)
        const changed = await api.patch(`${path}/${id}`, { operations: ['*.*'], secret: 'other' })
        expect(changed.body).toMatchObject({ id, targetUrl, operations: ['*.*'], secret: 'other' })
        expect((await api.get(`${path}/${id}`)).body).toMatchObject({ secret: 'other' })
        const removed = await api.delete(`${path}/${id}`)
        expect(removed.status).toBe(200)
        expect(removed.body).toBe(true)
      },
    )

    it('are listed as a bare array, and as a page under metadata', async () => {
      expect(Array.isArray((await api.get('/rest/webhooks')).body)).toBe(true)
    })
  })
}

/**
 * Deliveries. They need a receiver that the server can reach.
 * @param receiverUrl where the server finds it; its port is listened on.
 */
export function describeDeliveries(api: Api, receiverUrl: string | undefined): void {
  describe('deliveries', () => {
    const receiver = new Receiver()
    const secret = 'whsec_contract'
    const hooks: string[] = []
    let url = ''

    const about = (id: string, event: string) => (delivery: Received) =>
      delivery.body.record?.id === id && delivery.body.eventName === event

    async function subscribe(values: Json): Promise<string> {
      const { body } = await api.call('POST', '/rest/webhooks', { targetUrl: url, ...values })
      hooks.push(body.id)
      return body.id
    }

    beforeAll(async () => {
      const wanted = receiverUrl === undefined ? undefined : new URL(receiverUrl)
      const port = await receiver.start(Number(wanted?.port || 0), wanted ? '0.0.0.0' : '127.0.0.1')
      url = receiverUrl ?? `http://127.0.0.1:${port}/`
      await subscribe({ operations: ['*.*'], secret })
    })

    afterAll(async () => {
      for (const id of hooks) await api.delete(`/rest/webhooks/${id}`)
      await receiver.stop()
    })

    it('carry the documented keys in their order, signed over the raw bytes', async () => {
      const { id } = await api.person()
      const [created] = await receiver.wait(about(id, 'person.created'))
      expect(Object.keys(created!.body)).toEqual([
        'targetUrl',
        'eventName',
        'objectMetadata',
        'workspaceId',
        'webhookId',
        'eventDate',
        'record',
      ])
      expect(created!.body.objectMetadata).toEqual({ id: expect.any(String), nameSingular: 'person' })
      expect(created!.body.record).toMatchObject({ id, deletedAt: null, companyId: null })
      const timestamp = String(created!.headers['x-twenty-webhook-timestamp'])
      expect(timestamp).toMatch(/^\d{13}$/)
      const expected = createHmac('sha256', secret).update(`${timestamp}:${created!.raw}`).digest('hex')
      expect(created!.headers['x-twenty-webhook-signature']).toBe(expected)
      expect(created!.headers['x-twenty-webhook-nonce']).toMatch(/^[0-9a-f]{32}$/)
      expect(created!.headers['content-type']).toMatch(/^application\/json/)
    })

    it('tell an update with the names of the changed fields and the updatedAt of the answer', async () => {
      const company = await api.company()
      const { id } = await api.person()
      const reply = await api.patch(`/rest/people/${id}`, { jobTitle: 'CTO', companyId: company.id })
      const [updated] = await receiver.wait(about(id, 'person.updated'))
      expect(updated!.body.updatedFields).toEqual(expect.arrayContaining(['jobTitle', 'companyId']))
      expect(updated!.body.updatedFields).not.toContain('updatedAt')
      expect(updated!.body.record).toMatchObject({ jobTitle: 'CTO', companyId: company.id })
      expect(updated!.body.record!.updatedAt).toBe(reply.body.data.updatePerson.updatedAt)
      expect(updated!.body).not.toHaveProperty('userId')
      expect(Object.keys(updated!.body).at(-1)).toBe('updatedFields')
    })

    it('tell soft delete, restore and destroy', async () => {
      const { id } = await api.person({ jobTitle: 'Last' })
      await api.delete(`/rest/people/${id}?soft_delete=true`)
      const [deleted] = await receiver.wait(about(id, 'person.deleted'))
      expect(deleted!.body.record!.deletedAt).toEqual(expect.any(String))
      expect(deleted!.body.updatedFields).toContain('deletedAt')
      await api.patch(`/rest/people/${id}/restore`)
      const [restored] = await receiver.wait(about(id, 'person.restored'))
      expect(restored!.body.record!.deletedAt).toBeNull()
      expect(restored!.body.updatedFields).toContain('deletedAt')
      await api.delete(`/rest/people/${id}`)
      const [destroyed] = await receiver.wait(about(id, 'person.destroyed'))
      expect(destroyed!.body.record).toMatchObject({ id, jobTitle: 'Last' })
      expect(destroyed!.body).not.toHaveProperty('updatedFields')
    })

    it('are one per record of a batch; an upsert sends created and updated, never upserted', async () => {
      const emails = Array.from({ length: 25 }, () => api.email())
      const known = await api.person({ emails: { primaryEmail: emails[0] } })
      const reply = await api.post(
        '/rest/batch/people?upsert=true&depth=0',
        emails.map(primaryEmail => ({ emails: { primaryEmail }, jobTitle: `${api.tag}-upsert` })),
      )
      const ids = new Set(reply.body.data.createPeople.map((each: Json) => each.id))
      const mine = (delivery: Received) =>
        ids.has(delivery.body.record?.id) && delivery.body.record?.jobTitle === `${api.tag}-upsert`
      const all = await receiver.wait(mine, emails.length)
      expect(all.filter(each => each.body.eventName === 'person.created')).toHaveLength(24)
      expect(all.filter(each => each.body.eventName === 'person.updated').map(each => each.body.record!.id)).toEqual([
        known.id,
      ])
      expect(receiver.received.some(each => each.body.eventName.endsWith('.upserted'))).toBe(false)
    })

    it('reach exact and wildcard subscriptions only', async () => {
      const exact = await subscribe({ operations: ['company.updated'], secret })
      const wildcard = await subscribe({ operations: ['*.created'], secret })
      const company = await api.company()
      await api.patch(`/rest/companies/${company.id}`, { name: `${api.tag} changed` })
      const to = (hook: string) => (each: Received) =>
        each.body.webhookId === hook && each.body.record?.id === company.id
      expect((await receiver.wait(to(exact))).map(each => each.body.eventName)).toEqual(['company.updated'])
      expect((await receiver.wait(to(wildcard))).map(each => each.body.eventName)).toEqual(['company.created'])
    })

    it('use a nonce once', () => {
      const nonces = receiver.received.map(each => each.headers['x-twenty-webhook-nonce'])
      expect(new Set(nonces).size).toBe(nonces.length)
    })
  })
}
