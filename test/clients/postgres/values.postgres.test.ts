import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PostgresClient } from '../../../src/clients/postgres/client.ts'
import { PostgresPeer } from '../../../src/sinks/postgres/peer.ts'
import { freshDatabase, live, type TestDatabase, testClient } from '../../support/postgres.ts'

/** No NUL: Postgres has no place for it. */
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter(each => !each.includes('\0'))
const instant = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map(each => each.toISOString())
const decimalText = fc
  .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.nat({ max: 10 ** 9 }))
  .map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`)
const json = fc
  .jsonValue({ maxDepth: 3 })
  .map(value => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', '')) as unknown)

const COLUMNS: Record<string, { type: string; values: fc.Arbitrary<unknown> }> = {
  plain: { type: 'text', values: text },
  short: { type: 'varchar(40)', values: text },
  padded: { type: 'char(40)', values: text },
  whole: { type: 'int', values: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
  large: { type: 'bigint', values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  exact: { type: 'numeric', values: fc.oneof(decimalText, fc.double({ noNaN: true, noDefaultInfinity: true })) },
  money: { type: 'numeric(12,2)', values: fc.double({ min: -1e9, max: 1e9, noNaN: true }) },
  single: { type: 'real', values: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  double: { type: 'double precision', values: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  flag: { type: 'boolean', values: fc.boolean() },
  instant: { type: 'timestamptz', values: instant },
  local: { type: 'timestamp', values: instant },
  second: { type: 'timestamptz(0)', values: instant.filter(each => each < '9999') },
  day: {
    type: 'date',
    values: fc.oneof(
      instant,
      instant.map(each => each.slice(0, 10)),
    ),
  },
  tree: { type: 'jsonb', values: json },
  source: { type: 'json', values: json },
  uuid: { type: 'uuid', values: fc.uuid().map(each => each.toUpperCase()) },
  texts: { type: 'text[]', values: fc.array(text, { maxLength: 5 }) },
  numbers: {
    type: 'bigint[]',
    values: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), { maxLength: 5 }),
  },
  amounts: {
    type: 'numeric(10,1)[]',
    values: fc.array(fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })), { maxLength: 5 }),
  },
  instants: { type: 'timestamptz[]', values: fc.array(instant, { maxLength: 3 }) },
  trees: {
    type: 'jsonb[]',
    values: fc.array(
      json.filter(each => each !== null && !Array.isArray(each)),
      { maxLength: 3 },
    ),
  },
  size: { type: 'size', values: fc.constantFrom('small', 'very large', "it's") },
  rated: { type: 'rating', values: fc.integer({ min: 1, max: 5 }) },
}

let database: TestDatabase
let client: PostgresClient
let peer: PostgresPeer
let count = 0

beforeAll(async () => {
  database = await freshDatabase()
  // What a database or role prefers must not change what is read.
  const name = new URL(database.url).pathname.slice(1)
  await database.sql(`alter database ${name} set timezone = 'Asia/Kathmandu'`)
  await database.sql(`alter database ${name} set datestyle = 'German'`)
  await database.sql(`alter database ${name} set bytea_output = 'escape'`)
  const columns = Object.entries(COLUMNS).map(([column, { type }]) => `${column} ${type}`)
  await database.sql(`create type size as enum ('small', 'very large', 'it''s')`)
  await database.sql('create domain rating as int check (value between 1 and 5)')
  await database.sql(`create table kinds (id text primary key, updated_at timestamptz, ${columns.join(', ')})`)
  client = testClient(database, { kinds: { table: 'kinds', id: 'id', updatedAt: 'updated_at' } })
  peer = new PostgresPeer(client, 'kinds')
  await peer.list(undefined, live)
})
afterAll(async () => {
  await client?.close()
  await database?.drop()
})

describe('values', () => {
  it.each(Object.entries(COLUMNS))('%s come back as they are normalised', async (column, { values }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(values), { minLength: 1, maxLength: 20 }), async written => {
        const creates = written.map(value => ({
          op: 'create' as const,
          id: `r${count++}`,
          values: { [column]: value },
        }))
        const outcomes = await peer.write(creates, live)
        for (const [at, outcome] of outcomes.entries()) {
          if (outcome.status !== 'written')
            throw new Error(`${JSON.stringify(written[at])}: ${JSON.stringify(outcome)}`)
          const read = outcome.record.data[column]
          const wanted = peer.normalise(column, written[at])
          expect(peer.normalise(column, read)).toEqual(wanted)
          // What was read is normal already, up to what is empty.
          expect(peer.normalise(column, wanted)).toEqual(wanted)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('keep what JSON cannot hold as texts', async () => {
    await database.sql(`insert into kinds (id, instant, double, exact, large, day, local) values
      ('odd', 'infinity', 'NaN', 'NaN', 9007199254740993, 'infinity', '0044-03-15 12:00 BC')`)
    const [record] = await peer.get(['odd'], live)
    expect(record!.data).toMatchObject({
      instant: 'infinity',
      double: 'NaN',
      exact: 'NaN',
      large: '9007199254740993',
      day: 'infinity',
      local: expect.stringContaining('BC'),
    })
  })

  it('is exact with money', async () => {
    const price = async (value: unknown) => {
      const [outcome] = await peer.write([{ op: 'create', id: `m${count++}`, values: { money: value } }], live)
      return outcome!.status === 'written' ? outcome!.record.data.money : outcome
    }
    expect(await price('1.005')).toBe(1.01)
    expect(peer.normalise('money', '1.005')).toBe(1.01)
    expect(await price('-0.004')).toBe(0)
    expect(peer.normalise('money', -0.004)).toBe(0)
    expect(await price('9999999999.99')).toBe(9999999999.99)
    expect(await price('twelve')).toMatchObject({ status: 'failed', error: { code: 'INVALID_VALUE' } })
  })
})
