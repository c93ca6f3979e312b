import { describe, expect, it } from 'vitest'
import { workspace } from './workspace.ts'

describe('GraphQL of the sandbox', () => {
  const setUp = () => {
    const made = workspace()
    const gql = (query: string, variables: object = {}, api = '/graphql') =>
      made.call('POST', api, { query, variables }).body
    return { ...made, gql }
  }

  it('takes aliases, variables with defaults, fragments, directives and comments', () => {
    const { gql, company, person } = setUp()
    const acme = company({ name: 'Acme' })
    person({ name: { firstName: 'Ada', lastName: 'L' }, companyId: acme.id })
    const body = gql(
      `query Q($first: Int = 5, $with: Boolean!) { # all of them
        everyone: people(first: $first) { edges { node { ...Names company @include(if: $with) { name, people { totalCount } } } } }
        none: people(filter: {jobTitle: {eq: "nobody"}}) { totalCount __typename }
      }
      fragment Names on Person { name { first: firstName } ... on Person { jobTitle @skip(if: $with) } }`,
      { with: true },
    )
    expect(body).toEqual({
      data: {
        everyone: {
          edges: [{ node: { name: { first: 'Ada' }, company: { name: 'Acme', people: { totalCount: 1 } } } }],
        },
        none: { totalCount: 0, __typename: 'PersonConnection' },
      },
    })
  })

  it('pages with after and orders by several fields', () => {
    const { gql, person } = setUp()
    for (const jobTitle of ['b', 'a', 'c']) person({ jobTitle })
    const page = (after?: string) =>
      gql(
        `query ($after: String) { people(orderBy: [{jobTitle: DescNullsLast}], first: 2, after: $after) {
          edges { node { jobTitle } } pageInfo { hasNextPage endCursor } } }`,
        after === undefined ? {} : { after },
      ).data.people
    const first = page()
    expect(first.edges.map((edge: { node: { jobTitle: string } }) => edge.node.jobTitle)).toEqual(['c', 'b'])
    const second = page(first.pageInfo.endCursor)
    expect(second).toMatchObject({ edges: [{ node: { jobTitle: 'a' } }], pageInfo: { hasNextPage: false } })
  })

  it('has the operators of the schema only', () => {
    const { gql } = setUp()
    expect(gql(`{ people(filter: {id: {like: "x"}}) { totalCount } }`).errors).toHaveLength(1)
    expect(gql(`{ people(filter: {companyId: {is: NULL}}) { totalCount } }`).data.people.totalCount).toBe(0)
    expect(gql(`{ people(filter: {nope: {eq: 1}}) { totalCount } }`).errors).toHaveLength(1)
  })

  it('refuses unknown fields even where no row would show them', () => {
    const { gql } = setUp()
    expect(gql('{ people { edges { node { noSuchField } } } }').errors[0].extensions.code).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    )
    expect(gql('{ nothing { id } }').data).toBeUndefined()
  })

  it('soft-deletes by delete, and restores, destroys and merges by their names', () => {
    const { gql, person, call } = setUp()
    const { id } = person()
    expect(gql(`mutation { deletePerson(id: "${id}") { deletedAt } }`).data.deletePerson.deletedAt).not.toBeNull()
    expect(gql(`mutation { restorePerson(id: "${id}") { deletedAt } }`).data.restorePerson.deletedAt).toBeNull()
    const other = person()
    const merged = gql(`mutation { mergePeople(ids: ["${id}", "${other.id}"], conflictPriorityIndex: 0) { id } }`)
    expect(merged.data.mergePeople).toEqual({ id })
    expect(gql(`mutation { destroyPeople(filter: {id: {in: ["${id}"]}}) { id } }`).data.destroyPeople).toEqual([{ id }])
    expect(call('GET', '/rest/people').body.totalCount).toBe(0)
  })

  it('goes on after a root field that fails', () => {
    const { gql } = setUp()
    const body = gql(`mutation { a: createPerson(data: {id: "x"}) { id } b: createPerson(data: {}) { id } }`)
    expect(body.errors).toMatchObject([{ path: ['a'], extensions: { code: 'BAD_USER_INPUT' } }])
    expect(body.data).toEqual({ a: null, b: { id: expect.any(String) } })
  })

  it('has the data model, webhooks and keys at /metadata', () => {
    const { gql, call } = setUp()
    const meta = (query: string) => gql(query, {}, '/metadata').data
    const made = meta(`mutation { createOneObject(input: {object: {nameSingular: "rocket", namePlural: "rockets",
      labelSingular: "Rocket", labelPlural: "Rockets"}}) { id fieldsList { name } } }`).createOneObject
    const field =
      meta(`mutation { createOneField(input: {field: {objectMetadataId: "${made.id}", type: SELECT, name: "state",
      label: "State", defaultValue: "'OPEN'", options: [{value: "OPEN", label: "Open", color: "red", position: 0}]}}) { id isUnique } }`)
    expect(field.createOneField).toEqual({ id: expect.any(String), isUnique: false })
    expect(call('POST', '/rest/rockets?depth=0', {}).body.data.createRocket.state).toBe('OPEN')
    const hook = meta(
      `mutation { createWebhook(input: {targetUrl: "https://a.example", operations: ["*.*"]}) { id secret } }`,
    )
    expect(hook.createWebhook.secret).not.toBe('')
    expect(meta('{ webhooks { id targetUrl } }').webhooks).toEqual([
      { id: hook.createWebhook.id, targetUrl: 'https://a.example/' },
    ])
    const key = meta(`mutation { createApiKey(input: {name: "second", expiresAt: "2030-01-01", roleId: "r"}) { id } }`)
    const { token } = meta(
      `mutation { generateApiKeyToken(apiKeyId: "${key.createApiKey.id}", expiresAt: "2030-01-01") { token } }`,
    ).generateApiKeyToken
    const person = call('POST', '/rest/people?depth=0', {}, token).body.data.createPerson
    expect(person.createdBy.name).toBe('second')
  })

  it('links notes to custom objects by a column of their own', () => {
    const { call } = setUp()
    call('POST', '/rest/metadata/objects', {
      nameSingular: 'rocket',
      namePlural: 'rockets',
      labelSingular: 'R',
      labelPlural: 'Rs',
    })
    const rocket = call('POST', '/rest/rockets?depth=0', { name: 'One' }).body.data.createRocket
    const note = call('POST', '/rest/notes?depth=0', { title: 'n' }).body.data.createNote
    const link = call('POST', '/rest/noteTargets?depth=0', { noteId: note.id, targetRocketId: rocket.id })
    expect(link.body.data.createNoteTarget.targetRocketId).toBe(rocket.id)
    expect(call('GET', `/rest/rockets/${rocket.id}`).body.data.rocket.noteTargets).toHaveLength(1)
  })
})
