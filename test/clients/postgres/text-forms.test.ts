import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalDecimal, numberOrText } from '../../../src/clients/decimal.ts'
import { connectionOf } from '../../../src/clients/postgres/connection.ts'
import { arrayText, quoteName, quoteTable, quoteText } from '../../../src/clients/postgres/quote.ts'
import { instantText } from '../../../src/clients/postgres/time.ts'

describe('decimals', () => {
  it.each([
    ['001.500', '1.5', undefined],
    ['-0.00', '0', undefined],
    ['1e3', '1000', undefined],
    ['1.5e-7', '0.00000015', undefined],
    ['.5', '0.5', undefined],
    ['2.345', '2.35', 2],
    ['-2.345', '-2.35', 2],
    ['9.999', '10', 2],
    ['0.5', '1', 0],
    ['', undefined, undefined],
    ['NaN', undefined, undefined],
    ['1e99999', undefined, undefined],
  ])('%s is %s', (text, wanted, scale) => expect(canonicalDecimal(text, scale)).toBe(wanted))

  it('are numbers only where the number says the same', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat({ max: 1_000_000 }), (whole, fraction) => {
        const canonical = canonicalDecimal(`${whole}.${fraction}`)!
        const value = numberOrText(canonical)
        expect(canonicalDecimal(String(value))).toBe(canonical)
        if (typeof value === 'string') expect(canonicalDecimal(String(Number(value)))).not.toBe(canonical)
      }),
    )
    expect(numberOrText('9007199254740993')).toBe('9007199254740993')
    expect(numberOrText('0.1')).toBe(0.1)
  })
})

describe('times', () => {
  it.each([
    ['2026-11-24', '2026-11-24T00:00:00.000Z'],
    ['2026-11-24 10:00', '2026-11-24T10:00:00.000Z'],
    ['2026-11-24T10:00:00.123456+05:45', '2026-11-24T04:15:00.123Z'],
    ['2026-11-24 10:00:00+02', '2026-11-24T08:00:00.000Z'],
    ['2026-11-24T10:00:00-0330', '2026-11-24T13:30:00.000Z'],
    ['2026-13-24T10:00:00Z', undefined],
    ['soon', undefined],
  ])('%s is %s', (text, wanted) => expect(instantText(text)).toBe(wanted))

  it('are rounded as a coarser column rounds them', () => {
    expect(instantText('2026-11-24T10:00:00.500Z', 0)).toBe('2026-11-24T10:00:01.000Z')
    expect(instantText('2026-11-24T10:00:00.449Z', 1)).toBe('2026-11-24T10:00:00.400Z')
  })
})

describe('what is quoted', () => {
  it('cannot end what quotes it', () => {
    expect(quoteName('a"; drop table x; --')).toBe('"a""; drop table x; --"')
    expect(quoteTable('Crm.Contacts')).toBe('"Crm"."Contacts"')
    expect(quoteText("it's")).toBe("'it''s'")
    expect(quoteText("\\'")).toBe("E'\\\\'''")
    expect(arrayText(['a"b', null, ['c\\', 'NULL']])).toBe('{"a\\"b",NULL,{"c\\\\","NULL"}}')
  })
})

describe('the connection', () => {
  const of = (url: string, more: object = {}) => connectionOf('warehouse', { url, tables: {}, ...more })

  it('has TLS with a checked certificate to every other machine', () => {
    expect(of('postgres://u:p%40ss@db.example.com/crm')).toMatchObject({
      host: 'db.example.com',
      port: 5432,
      user: 'u',
      password: 'p@ss',
      database: 'crm',
      ssl: { rejectUnauthorized: true, servername: 'db.example.com' },
    })
    expect(of('postgres://u@db.example.com/crm?sslmode=no-verify').ssl).toMatchObject({ rejectUnauthorized: true })
    expect(of('postgres://u@127.0.0.1/crm?sslmode=require').ssl).toMatchObject({ rejectUnauthorized: true })
    expect(of('postgres://u@db.example.com/crm', { ca: 'PEM' }).ssl).toMatchObject({ ca: 'PEM' })
  })

  it('is open on this machine, and where that was said', () => {
    expect(of('postgres://u@127.0.0.1/crm').ssl).toBe(false)
    expect(of('postgres://u@[::1]/crm').ssl).toBe(false)
    expect(of('postgres://u@db.example.com/crm', { insecure: true }).ssl).toBe(false)
    const any = of('postgres://u@db.example.com/crm?sslmode=require', { insecure: true })
    expect(any.ssl).toMatchObject({ rejectUnauthorized: false })
    expect(() => of('postgres://u@db.example.com/crm?sslmode=disable')).toThrow('needs TLS')
  })
})
