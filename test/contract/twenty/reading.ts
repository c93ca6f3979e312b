import { beforeAll, describe, expect, it } from 'vitest'
import { type Api, type Json, uuid } from './api.ts'

const PEOPLE = 61

/** Lists: pages, filters, order and depth. */
export function describeReading(api: Api): void {
  const here = () => `name.lastName[eq]:"${api.tag}-list"`
  const list = (more: string) =>
    api.get(`/rest/people?filter=${encodeURIComponent(here())}${more === '' ? '' : `&${more}`}`)

  describe('lists', () => {
    let companyId = ''

    beforeAll(async () => {
      companyId = (await api.company()).id
      const people = Array.from({ length: PEOPLE }, (_, number) => ({
        name: { firstName: `N${String(number).padStart(2, '0')}`, lastName: `${api.tag}-list` },
        jobTitle: number === 0 ? 'Head, of "all"' : number % 2 === 1 ? 'Engineer' : null,
        ...(number < 3 ? { companyId } : {}),
      }))
      const reply = await api.post('/rest/batch/people?depth=0', people)
      expect(reply.status).toBe(201)
      expect(reply.body.data.createPeople.map((person: Json) => (person.name as Json).firstName)).toEqual(
        people.map(person => person.name.firstName),
      )
    })

    describe('pages', () => {
      it('hold 60 by default, and walk to the end without gap or repeat', async () => {
        const first = await list('depth=0')
        expect(first.body.data.people).toHaveLength(60)
        expect(first.body.totalCount).toBe(PEOPLE)
        expect(first.body.pageInfo).toMatchObject({ hasNextPage: true, endCursor: expect.any(String) })
        const second = await list(`depth=0&starting_after=${encodeURIComponent(first.body.pageInfo.endCursor)}`)
        expect(second.body.data.people).toHaveLength(1)
        expect(second.body.pageInfo.hasNextPage).toBe(false)
        const ids = [...first.body.data.people, ...second.body.data.people].map((person: Json) => person.id)
        expect(new Set(ids).size).toBe(PEOPLE)
      })

      it('clamp a limit over 200 and refuse one that is no number', async () => {
        expect((await list('depth=0&limit=500')).body.data.people).toHaveLength(PEOPLE)
        expect((await list('limit=many')).status).toBe(400)
        expect((await list('limit=-1')).status).toBe(400)
      })

      it('ignore parameters that do not exist, such as after', async () => {
        const first = await list('depth=0&limit=2')
        const again = await list(`depth=0&limit=2&after=${encodeURIComponent(first.body.pageInfo.endCursor)}`)
        expect(again.body.data.people.map((each: Json) => each.id)).toEqual(
          first.body.data.people.map((each: Json) => each.id),
        )
      })

      it('go back with ending_before', async () => {
        const { body } = await list('depth=0&limit=4')
        const ids = body.data.people.map((each: Json) => each.id)
        const back = await list(`depth=0&limit=2&ending_before=${encodeURIComponent(body.pageInfo.endCursor)}`)
        expect(back.body.data.people.map((each: Json) => each.id)).toEqual(ids.slice(1, 3))
      })

      it('refuse a cursor that is none', async () => {
        expect((await list('starting_after=no-cursor')).status).toBe(400)
      })
    })

    describe('depth', () => {
      it('0 has foreign keys only, 1 nests the related records, 2 is refused', async () => {
        const filter = encodeURIComponent(`${here()},companyId[eq]:"${companyId}"`)
        const flat = await api.get(`/rest/people?filter=${filter}&depth=0`)
        expect(flat.body.data.people).toHaveLength(3)
        expect(flat.body.data.people[0].companyId).toBe(companyId)
        expect(flat.body.data.people[0].company).toBeUndefined()
        const nested = await api.get(`/rest/people?filter=${filter}&depth=1`)
        expect(nested.body.data.people[0].company.id).toBe(companyId)
        expect(nested.body.data.people[0].company.people).toBeUndefined()
        expect((await api.get('/rest/people?depth=2')).status).toBe(400)
      })
    })

    describe('filters', () => {
      const count = async (filter: string) => (await api.find('people', `${here()},${filter}`)).length

      it.each([
        ['eq', 'jobTitle[eq]:"Engineer"', 30],
        ['eq with a comma in quotes', `jobTitle[like]:'Head, of%'`, 1],
        ['neq, which leaves nulls out or in', 'name.firstName[neq]:N00', 60],
        ['in', 'name.firstName[in]:[N01,N02,"N03"]', 3],
        ['is NULL', 'jobTitle[is]:NULL', 30],
        ['is NOT_NULL', 'jobTitle[is]:NOT_NULL', 31],
        ['gt', 'name.firstName[gt]:N58', 2],
        ['gte', 'name.firstName[gte]:N58', 3],
        ['lt', 'name.firstName[lt]:N02', 2],
        ['lte', 'name.firstName[lte]:N02', 3],
        ['startsWith', 'name.firstName[startsWith]:N0', 10],
        ['like', 'name.firstName[like]:N_0', 7],
        ['ilike', 'name.firstName[ilike]:n1%', 10],
        ['and', 'and(name.firstName[gte]:N10,name.firstName[lt]:N20)', 10],
        ['or', 'or(name.firstName[eq]:N10,name.firstName[eq]:N20)', 2],
        ['not', 'not(name.firstName[startsWith]:N0)', 51],
        ['nesting', 'or(name.firstName[eq]:N00,and(name.firstName[gt]:N57,not(name.firstName[eq]:N58)))', 3],
      ])('%s', async (_name, filter, expected) => {
        expect(await count(filter)).toBe(expected)
      })

      it('updatedAt[gte] finds what changed since', async () => {
        const [row] = await api.find('people', `${here()},name.firstName[eq]:N05`)
        const reply = await api.patch(`/rest/people/${String(row!.id)}`, { jobTitle: 'Boss' })
        const since = reply.body.data.updatePerson.updatedAt
        const found = await api.find('people', `${here()},updatedAt[gte]:"${since}"`)
        expect(found.map(each => each.id)).toEqual([row!.id])
        await api.patch(`/rest/people/${String(row!.id)}`, { jobTitle: 'Engineer' })
      })

      it.each([
        'jobTitle[is the]:x',
        'jobTitle[equals]:x',
        'jobTitle',
        'jobTitle[eq]',
        'and(jobTitle[eq]:x',
        'noSuchField[eq]:x',
        'name.firstName[in]:N01',
        'id[eq]:not-a-uuid',
      ])('refuse %s with 400', async filter => {
        expect((await api.get(`/rest/people?filter=${encodeURIComponent(filter)}`)).status).toBe(400)
      })

      it('find nothing for an id that does not exist', async () => {
        expect(await api.find('people', `id[eq]:${uuid(4)}`)).toEqual([])
      })
    })

    describe('order', () => {
      it('follows order_by in both directions, composites too', async () => {
        const names = async (order: string) =>
          (await list(`depth=0&limit=3&order_by=${order}`)).body.data.people.map(
            (each: { name: Json }) => each.name.firstName,
          )
        expect(await names('name.firstName')).toEqual(['N00', 'N01', 'N02'])
        expect(await names('name.firstName[DescNullsLast]')).toEqual(['N60', 'N59', 'N58'])
        expect((await list('order_by=jobTitle[Sideways]')).status).toBe(400)
      })
    })
  })
}
