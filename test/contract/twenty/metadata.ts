import { describe, expect, it } from 'vitest'
import type { Api, Json } from './api.ts'

type Field = Json & { name: string; type: string; isUnique: boolean; settings?: Json }
type ObjectMeta = Json & { nameSingular: string; namePlural: string; fields: Field[] }

/** What a client needs to discover the workspace's fields; and, where allowed, changes of the data model. */
export function describeMetadata(api: Api, options: { changeDataModel: boolean }): void {
  const listed = async (kind: 'objects' | 'fields', query = 'limit=200') => {
    const { status, body } = await api.get(`/rest/metadata/${kind}?${query}`)
    expect(status).toBe(200)
    // `{data:{objects}}` or the newer `{data:[...]}`.
    return (Array.isArray(body.data) ? body.data : body.data[kind]) as ObjectMeta[]
  }

  describe('metadata', () => {
    it('lists the objects with their names and fields', async () => {
      const objects = await listed('objects')
      const person = objects.find(each => each.nameSingular === 'person')!
      expect(person).toMatchObject({ namePlural: 'people', isCustom: false, isActive: true })
      const types = Object.fromEntries(person.fields.map(field => [field.name, field.type]))
      expect(types).toMatchObject({
        id: 'UUID',
        name: 'FULL_NAME',
        emails: 'EMAILS',
        phones: 'PHONES',
        jobTitle: 'TEXT',
        company: 'RELATION',
        createdBy: 'ACTOR',
        deletedAt: 'DATE_TIME',
      })
    })

    it('tells options of selects and the target of relations', async () => {
      const objects = await listed('objects')
      const opportunity = objects.find(each => each.nameSingular === 'opportunity')!
      const stage = opportunity.fields.find(field => field.name === 'stage')!
      expect((stage.options as Json[]).map(option => option.value)).toContain('NEW')
      const company = opportunity.fields.find(field => field.name === 'company')!
      const relation = company.relation as { type: string; targetObjectMetadata: Json }
      expect(relation).toMatchObject({ type: 'MANY_TO_ONE', targetObjectMetadata: { nameSingular: 'company' } })
    })

    it('pages fields by id', async () => {
      const first = await listed('fields', 'limit=2')
      expect(first).toHaveLength(2)
      const second = await listed('fields', `limit=2&starting_after=${String(first[1]!.id)}`)
      expect(second.map(each => each.id)).not.toContain(first[1]!.id)
    })

    it('reads one object; an unknown id is 404, a malformed one 400', async () => {
      const [object] = await listed('objects', 'limit=1')
      const { body } = await api.get(`/rest/metadata/objects/${String(object!.id)}`)
      expect((body.data?.object ?? body).id).toBe(object!.id)
      expect((await api.get('/rest/metadata/objects/00000000-0000-4000-8000-000000000000')).status).toBe(404)
      expect((await api.get('/rest/metadata/objects/nope')).status).toBe(400)
    })
  })

  describe.runIf(options.changeDataModel)('data model changes', () => {
    it('adds an object and a unique field, which then is an upsert key', async () => {
      const name = `rocket${api.tag}`
      const made = await api.call('POST', '/rest/metadata/objects', {
        nameSingular: name,
        namePlural: `${name}s`,
        labelSingular: 'Rocket',
        labelPlural: 'Rockets',
      })
      expect(made.status).toBe(201)
      const object = made.body.data?.createOneObject ?? made.body
      const field = { objectMetadataId: object.id, type: 'TEXT', name: 'externalId', label: 'Id', isUnique: true }
      expect((await api.call('POST', '/rest/metadata/fields', field)).status).toBe(201)
      expect((await api.call('POST', '/rest/metadata/fields', field)).status).toBe(400)
      const path = `/rest/batch/${name}s?upsert=true`
      const first = await api.call('POST', path, [{ externalId: 'x', name: 'One' }])
      const again = await api.call('POST', path, [{ externalId: 'x', name: 'Two' }])
      const key = `createR${name.slice(1)}s`
      expect(again.body.data[key][0]).toMatchObject({ id: first.body.data[key][0].id, name: 'Two' })
      expect((await api.call('POST', `/rest/${name}s`, { externalId: 'x' })).status).toBe(400)
      await api.patch(`/rest/metadata/objects/${object.id}`, { isActive: false })
      expect((await api.delete(`/rest/metadata/objects/${object.id}`)).status).toBe(200)
    })

    it('keeps a view with its filters, and lists both by what they belong to', async () => {
      const company = (await listed('objects')).find(each => each.nameSingular === 'company')!
      const field = company.fields.find(each => each.name === 'name')!
      const made = await api.call('POST', '/rest/metadata/views', {
        name: api.tag,
        objectMetadataId: company.id,
        icon: 'IconTable',
        type: 'TABLE',
      })
      expect(made.status).toBe(201)
      const view = made.body.data ?? made.body
      const filter = { viewId: view.id, fieldMetadataId: field.id, operand: 'CONTAINS', value: 'Acme' }
      expect((await api.call('POST', '/rest/metadata/viewFilters', filter)).status).toBe(201)
      // A bare list, or the newer `{data:[...]}`.
      const of = async (path: string): Promise<Json[]> => {
        const { body } = await api.get(path)
        return Array.isArray(body) ? body : body.data
      }
      const views = await of(`/rest/metadata/views?objectMetadataId=${company.id}`)
      expect(views.map(each => each.name)).toContain(api.tag)
      expect(await of(`/rest/metadata/viewFilters?viewId=${view.id}`)).toMatchObject([filter])
      expect(await of(`/rest/metadata/viewFilterGroups?viewId=${view.id}`)).toEqual([])
      expect((await api.delete(`/rest/metadata/views/${view.id}`)).status).toBe(200)
    })

    it.each(['event', 'Rocket', 'x'.repeat(64), ''])('refuses the field name %j', async name => {
      const [object] = await listed('objects', 'limit=1')
      const field = { objectMetadataId: object!.id, type: 'TEXT', name, label: 'x' }
      expect((await api.call('POST', '/rest/metadata/fields', field)).status).toBe(400)
    })
  })
}
