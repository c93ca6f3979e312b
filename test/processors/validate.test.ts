import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import validate from '../../src/processors/validate.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

const lead = {
  type: 'object',
  required: ['email'],
  properties: {
    email: { type: 'string', format: 'email' },
    age: { type: 'integer', minimum: 18 },
    size: { enum: ['small', 'large'] },
    items: { type: 'array', items: { type: 'object', required: ['price'] } },
  },
  additionalProperties: false,
}

function run(schema: string | Record<string, unknown>, data: Record<string, unknown>, on?: string) {
  const processor = validate.create({ schema, ...(on !== undefined && { on }) }, stepContext)
  return processor.process(scopeOf(data), processContext())
}

describe('validate', () => {
  it('lets pass what fits, and adds nothing', () => {
    expect(run(lead, { email: 'ada@example.com', age: 20 })).toEqual({})
  })

  it.each([
    ['анна@пример.example', true],
    ["o'hara+news@mail.example.com", true],
    ['ada@example', false],
    ['ada@@example.com', false],
    ['ada@example..com', false],
    ['a da@example.com', false],
    ['ada@example.com, eve@example.com', false],
    ['ada\u200b@example.com', false],
  ])('knows e-mail addresses beyond ASCII: %s', async (email, good) => {
    const schema = { properties: { email: { type: 'string', format: 'idn-email' } } }
    if (good) expect(run(schema, { email })).toEqual({})
    else expect(() => run(schema, { email })).toThrow('must match format "idn-email"')
  })

  it('rejects what does not, with every path and without the data', async () => {
    const data = { email: 'not-an-address', age: 3, size: 'huge', items: [{ price: 1 }, {}], 'x-tra': 1 }
    const error = await failureOf(() => run(lead, data))
    expect(error).toMatchObject({ kind: 'rejected', code: 'VALIDATION_FAILED' })
    expect(error.message).toBe(
      'step leads.check: data.x-tra is not expected; data.email must match format "email"; data.age must be >= 18; ' +
        'data.size must be one of small, large; data.items[1].price is missing',
    )
    expect(error.message).not.toContain('not-an-address')
    expect((error.details as { failures: unknown[] }).failures).toHaveLength(5)
  })

  it('checks what `on` names', async () => {
    const schema = { required: ['email'] }
    expect(run(schema, { contact: { email: 'x' } }, 'data.contact')).toEqual({})
    expect((await failureOf(() => run(schema, { contact: {} }, 'data.contact'))).message).toContain(
      'data.contact.email is missing',
    )
    expect((await failureOf(() => run(schema, {}, 'data.contact'))).code).toBe('MISSING_FIELD')
  })

  it('reads the schema from a file, JSON or YAML', () => {
    const folder = tempFolder()
    writeFileSync(join(folder, 'lead.json'), JSON.stringify(lead))
    writeFileSync(join(folder, 'lead.yaml'), 'required: [email]\n')
    expect(run(join(folder, 'lead.json'), { email: 'ada@example.com' })).toEqual({})
    expect(() => run(join(folder, 'lead.yaml'), {})).toThrow('data.email is missing')
  })

  it('speaks draft 7 and 2020-12', () => {
    const tuple = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] }
    const pair = { properties: { pair: tuple } }
    expect(() => run({ ...pair, $schema: tuple.$schema }, { pair: [1] })).toThrow('data.pair[0] must be string')
    const seven = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      properties: { pair: { items: [{ type: 'string' }] } },
    }
    expect(() => run(seven, { pair: [1] })).toThrow('data.pair[0] must be string')
  })

  it('says when the config is loaded that a schema is none', () => {
    const check = (schema: Record<string, unknown> | string) => validate.check!({ schema })
    expect(check(lead)).toEqual([])
    expect(check({ type: 'strnig' })).toMatchObject([{ path: ['schema'] }])
    expect(check({ requred: ['email'] })[0]!.message).toContain('requred')
    expect(check({ properties: { a: { pattern: '(' } } })[0]!.message).toContain('missing closing )')
    expect(check('/nowhere/lead.json')[0]!.message).toContain('ENOENT')
    expect(() => validate.create({ schema: { type: 'strnig' } }, stepContext)).toThrow(
      expect.objectContaining({ kind: 'fatal', code: 'SCHEMA_INVALID' }),
    )
  })

  it('a pattern that chokes a backtracking engine ends soon', async () => {
    const schema = { properties: { text: { pattern: '^(a+)+$' } } }
    const started = performance.now()
    await failureOf(() => run(schema, { text: `${'a'.repeat(50_000)}!` }))
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it('a schema with an id can be compiled again, as after a reload', () => {
    const schema = { $id: 'https://example.com/lead', required: ['email'] }
    expect(run(schema, { email: 'x' })).toEqual({})
    expect(run(schema, { email: 'x' })).toEqual({})
  })

  it('leaves the data as it is', () => {
    const data = { email: 'ada@example.com' }
    run({ ...lead, properties: { ...lead.properties, size: { enum: ['small'], default: 'small' } } }, data)
    expect(data).toEqual({ email: 'ada@example.com' })
  })
})
