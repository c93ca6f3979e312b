import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { workspace } from './workspace.ts'

/** Whatever a client sends is refused with a reason, never answered with a crash. */
describe('hostile input', () => {
  const { call, person, twenty } = workspace()
  const { id } = person({ emails: { primaryEmail: 'a@b.co' } })

  it('odd filters, orders and cursors', () => {
    const piece = fc.constantFrom(
      'name',
      'emails.primaryEmail',
      '[eq]',
      ':',
      ',',
      'and(',
      'or(',
      'not(',
      ')',
      '[',
      ']',
      '"',
      "'",
      'x',
      '%',
      'deletedAt',
      '[is]:NULL',
      '[in]:[a,b]',
      '\u0000',
      'é',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.string(), (parts, text) => {
        for (const query of [
          `filter=${encodeURIComponent(parts.join(''))}`,
          `order_by=${encodeURIComponent(parts.join(''))}`,
          `starting_after=${encodeURIComponent(text)}`,
          `limit=${encodeURIComponent(text)}`,
        ])
          expect(call('GET', `/rest/people?${query}`).status).toBeLessThan(500)
      }),
      { numRuns: 500 },
    )
  })

  it('odd records', () => {
    const name = fc.constantFrom(
      'name',
      'emails',
      'phones',
      'jobTitle',
      'linkedinLink',
      'companyId',
      'company',
      'id',
      'position',
      'createdBy',
      'deletedAt',
      'avatarFile',
      '__proto__',
      'constructor',
    )
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue(), { maxKeys: 4 }), fc.jsonValue(), (values, other) => {
        for (const body of [values, other, [values], JSON.stringify(values).slice(1)]) {
          expect(call('POST', '/rest/people', body).status).toBeLessThan(500)
          expect(call('POST', '/rest/batch/people?upsert=true', body).status).toBeLessThan(500)
          expect(call('PATCH', `/rest/people/${id}`, body).status).toBeLessThan(500)
          expect(call('POST', '/rest/people/duplicates', body).status).toBeLessThan(500)
          expect(call('PATCH', '/rest/people/merge', body).status).toBeLessThan(500)
          expect(call('POST', '/rest/webhooks', body).status).toBeLessThan(500)
          expect(call('POST', '/rest/metadata/fields', body).status).toBeLessThan(500)
          expect(call('POST', '/rest/metadata/viewFilters', body).status).toBeLessThan(500)
          expect(call('POST', '/sandbox/edit', body).status).toBeLessThan(500)
          expect(call('PUT', '/sandbox/faults', [body]).status).toBeLessThan(500)
        }
      }),
      { numRuns: 300 },
    )
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('odd paths and methods', () => {
    const segment = fc.constantFrom(
      'rest',
      'people',
      'batch',
      'metadata',
      'objects',
      'webhooks',
      'restore',
      'merge',
      'groupBy',
      'duplicates',
      id,
      '%',
      '%00',
      '..',
      'graphql',
      'open-api',
      'core',
      'sandbox',
      'rows',
    )
    const method = fc.constantFrom('GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS')
    fc.assert(
      fc.property(method, fc.array(segment, { maxLength: 5 }), (verb, segments) => {
        const path = `/${segments.join('/')}`
        if (path.startsWith('/sandbox/faults')) return
        expect(call(verb, path, verb === 'GET' ? undefined : {}).status).toBeLessThan(500)
      }),
      { numRuns: 500 },
    )
  })

  it('odd GraphQL', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      'people',
      'createPerson',
      'mutation',
      'query',
      'data:',
      'filter:',
      '{id:{eq:"x"}}',
      '...',
      'on',
      'fragment F',
      '@include(if:false)',
      '$v',
      '"',
      '"""',
      '[',
      ']',
      'edges',
      'node',
      'id',
      '!',
      ':',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.jsonValue(), (parts, variables) => {
        for (const api of ['/graphql', '/metadata'])
          expect(call('POST', api, { query: parts.join(' '), variables }).status).toBeLessThan(500)
      }),
      { numRuns: 500 },
    )
  })

  it('names that every object inherits', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(call('POST', '/rest/people', { name: { [name]: 'x' } }).status).toBe(400)
      expect(call('GET', `/rest/people?filter=name.${name}[eq]:x`).status).toBe(400)
      expect(call('GET', `/rest/people?order_by=name.${name}`).status).toBe(400)
      expect(call('GET', `/rest/people?fields=${name}`).status).toBe(400)
      for (const api of ['/graphql', '/metadata'])
        for (const query of [`{ ${name} { id } }`, `mutation { ${name}Person { id } ${name} { id } }`])
          expect(call('POST', api, { query }).body.data).toBeUndefined()
      expect(call('PUT', '/sandbox/faults', `{"${name}": {}}`).status).toBe(400)
      expect(call(name, '/sandbox/state').status).toBe(404)
    }
  })

  it('patterns that would make a backtracking engine hang', () => {
    twenty.records.create(twenty.records.schema.bySingular('note')!, [{ title: 'a'.repeat(20_000) }], {
      kind: 'system',
    })
    const filter = encodeURIComponent(`title[like]:${'%a'.repeat(60)}b`)
    const started = performance.now()
    expect(call('GET', `/rest/notes?filter=${filter}`).body.totalCount).toBe(0)
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})
