import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPOSITES } from '../../../src/clients/twenty/composites.ts'
import { allOf, anyOf, encodeFilter } from '../../../src/clients/twenty/filter.ts'
import { bareDomain, tidyUrl } from '../../../src/clients/twenty/links-value.ts'
import { normalise, sameValue } from '../../../src/clients/twenty/normalise.ts'
import { type TwentyField, TwentyObject } from '../../../src/clients/twenty/schema.ts'
import { writeValue } from '../../../src/clients/twenty/write-value.ts'

const field = (type: string, more: Partial<TwentyField> = {}): TwentyField => ({
  name: 'x',
  type,
  unique: false,
  ...more,
})

const TYPES = [
  ...Object.keys(COMPOSITES),
  'TEXT',
  'NUMBER',
  'NUMERIC',
  'BOOLEAN',
  'DATE_TIME',
  'DATE',
  'SELECT',
  'MULTI_SELECT',
  'ARRAY',
  'UUID',
  'RAW_JSON',
  'POSITION',
]

const scalar = fc.oneof(
  fc.string(),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.domain(),
  fc.emailAddress(),
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    null,
    '',
    ' ',
    'https://x.com//',
    'HTTPS://Www.Acme.COM/a/?b#/',
    'www.www.acme.com',
    '1e21',
    '-0',
    '.',
  ),
  fc.date({ noInvalidDate: true }).map(date => date.toISOString()),
)

describe('normalising', () => {
  it('twice gives the same as once, for every type and value', () => {
    const value = (type: string): fc.Arbitrary<unknown> => {
      const subs = COMPOSITES[type]
      const part = fc.oneof(scalar, fc.array(scalar), fc.array(fc.record({ label: scalar, url: scalar })))
      return subs
        ? fc.oneof(fc.record(Object.fromEntries(subs.map(sub => [sub, part])), { requiredKeys: [] }), scalar)
        : part
    }
    const any = fc.constantFrom(...TYPES).chain(type => fc.tuple(fc.constant(type), value(type), fc.boolean()))
    fc.assert(
      fc.property(any, ([type, given, domain]) => {
        const of = field(type, type === 'LINKS' && domain ? { domain } : {})
        const once = normalise(of, given)
        expect(normalise(of, once)).toEqual(once)
        expect(sameValue(of, given, once)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['https://www.Acme.com/about?x=1', 'acme.com'],
    ['ACME.com.', 'acme.com'],
    ['http://user:pw@sub.acme.com:8080/', 'sub.acme.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['пример.рф', 'xn--e1afmkfd.xn--p1ai'],
    ['www.com', 'www.com'],
    ['not a host', 'not a host'],
  ])('domain %s is %s', (given, kept) => {
    expect(bareDomain(given)).toBe(kept)
  })

  it.each([
    ['HTTPS://LinkedIn.com/in/Ada/', 'https://linkedin.com/in/Ada'],
    ['https://x.com/?q=A/', 'https://x.com/?q=A'],
    ['mailto:Ada@x.com', 'mailto:Ada@x.com'],
    ['just text', 'just text'],
  ])('link %s is %s', (given, kept) => {
    expect(tidyUrl(given)).toBe(kept)
  })

  it.each<[TwentyField, unknown, unknown]>([
    [field('TEXT'), null, ''],
    [field('EMAILS'), { primaryEmail: 'ADA@X.com ' }, { primaryEmail: 'ada@x.com', additionalEmails: [] }],
    [field('EMAILS'), 'ada@x.com', { primaryEmail: 'ada@x.com', additionalEmails: null }],
    [field('FULL_NAME'), { firstName: 'Ada' }, { firstName: 'Ada', lastName: '' }],
    [field('FULL_NAME'), null, { firstName: '', lastName: null }],
    [
      field('CURRENCY'),
      { amountMicros: '5000000', currencyCode: 'eur' },
      { amountMicros: 5_000_000, currencyCode: 'EUR' },
    ],
    [field('ADDRESS'), { addressLat: '1.5' }, { addressLat: 1.5, addressCity: null }],
    [field('DATE_TIME'), '2026-11-24T11:00:00+01:00', '2026-11-24T10:00:00.000Z'],
    [field('DATE'), '2026-11-24T00:00:00Z', '2026-11-24'],
    [field('BOOLEAN'), 'true', true],
    [field('MULTI_SELECT'), ['B', 'A'], ['A', 'B']],
    [field('RELATION', { joinColumn: 'xId' }), 'AAAA', 'aaaa'],
    [field('RICH_TEXT'), '# Hi\r\n\r\nthere\n', { markdown: '# Hi\nthere', blocknote: '[]' }],
    [
      field('PHONES'),
      { primaryPhoneNumber: '+1 415 555 0123' },
      { primaryPhoneNumber: '4155550123', primaryPhoneCallingCode: '+1', primaryPhoneCountryCode: 'US' },
    ],
  ])('%j: %j equals %j', (of, left, right) => {
    expect(sameValue(of, left, right)).toBe(true)
    expect(sameValue(of, right, left)).toBe(true)
  })

  it.each<[TwentyField, unknown, unknown]>([
    [field('TEXT'), 'a', 'A'],
    [field('NUMERIC'), '9007199254740993', '9007199254740992'],
    [field('LINKS'), 'https://x.com/a', 'https://x.com/A'],
    [field('ARRAY'), ['a', 'b'], ['b', 'a']],
    [
      field('PHONES'),
      { primaryPhoneNumber: '+14155550123' },
      { primaryPhoneNumber: '4155550124', primaryPhoneCallingCode: '+1' },
    ],
  ])('%j: %j differs from %j', (of, left, right) => {
    expect(sameValue(of, left, right)).toBe(false)
  })
})

describe('writing', () => {
  const object = new TwentyObject({ name: 'person', plural: 'people', fields: [] })
  const write = (of: TwentyField, given: unknown, current?: unknown) => writeValue(object, 'x', of, given, current)

  it('completes a composite from the row', () => {
    const row = { primaryEmail: 'a@x.com', additionalEmails: ['b@x.com'] }
    expect(write(field('EMAILS'), { primaryEmail: 'C@x.com' }, row)).toEqual({
      primaryEmail: 'c@x.com',
      additionalEmails: ['b@x.com'],
    })
    expect(write(field('FULL_NAME'), { lastName: null }, { firstName: 'Ada', lastName: 'L' })).toEqual({
      firstName: 'Ada',
      lastName: '',
    })
    expect(write(field('RICH_TEXT'), 'new', { markdown: 'old', blocknote: '[1]' })).toEqual({ markdown: 'new' })
  })

  it('clears a whole composite with null', () => {
    expect(write(field('LINKS'), null, { primaryLinkUrl: 'https://x.com' })).toEqual({
      primaryLinkUrl: null,
      primaryLinkLabel: '',
      secondaryLinks: null,
    })
  })

  it.each<[TwentyField, unknown, string]>([
    [field('FULL_NAME'), 'Ada', 'firstName, lastName'],
    [field('FULL_NAME'), { fistName: 'Ada' }, 'firstName'],
    [field('SELECT', { options: ['NEW', 'WON'] }), 'new', '"NEW"'],
    [field('MULTI_SELECT', { options: ['A'] }), ['A', 'B'], '"B"'],
    [field('DATE_TIME'), 'tomorrow', '2026-11-24T10:00:00Z'],
    [field('NUMBER'), 'many', 'a number'],
    [field('BOOLEAN'), 'yes', 'true or false'],
    [field('RELATION', { joinColumn: 'companyId' }), 'Acme', 'id of a record'],
  ])('%j refuses %j with %s', (of, given, said) => {
    expect(() => write(of, given)).toThrow(
      expect.objectContaining({ kind: 'rejected', code: 'INVALID_VALUE', message: expect.stringContaining(said) }),
    )
  })
})

describe('filters', () => {
  it('lists plain values and matches awkward ones by a pattern', () => {
    expect(anyOf('name', ['a', 'b'])).toBe('name[in]:[a,b]')
    expect(anyOf('name', ['a'])).toBe('name[eq]:a')
    expect(anyOf('name', ['a b'])).toBe('name[eq]:"a b"')
    expect(anyOf('name', ["O'Brien, (UK)"])).toBe('name[like]:"O_Brien_ _UK_"')
    expect(anyOf('name', ['a', 'b', 'c,d'])).toBe('or(name[in]:[a,b],name[like]:"c_d")')
    expect(
      allOf([
        { path: 'a', value: '1' },
        { path: 'b.c', value: '2' },
      ]),
    ).toBe('and(a[eq]:1,b.c[eq]:2)')
  })

  it('never lets a value change the filter', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), values => {
        const text = values.filter(value => value !== '')
        if (text.length === 0) return
        const outside = anyOf('p', text).replaceAll(/p\[(in|eq|like)\]:(\[[^\]]*\]|"[^"]*"|[\w@.+-]+)/g, 'X')
        expect(outside).toMatch(/^(X|or\(X(,X)*\))$/)
        expect(decodeURIComponent(encodeFilter(anyOf('p', text)))).toBe(anyOf('p', text))
      }),
    )
  })
})
