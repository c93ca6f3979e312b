import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Redactor } from '../../src/runtime/redact.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Long enough that a run of their base64 is nobody else's. */
const secret = fc.string({ minLength: 6, maxLength: 40, unit: 'grapheme-ascii' }).filter(text => text.trim().length > 5)
const around = fc.string({ maxLength: 12, unit: 'grapheme' })

describe('redaction of known secrets (P9)', () => {
  it('finds one within the base64 of more: the user and password of a Basic header', () => {
    const redactor = new Redactor(['pass-word-1'])
    for (const user of ['', 'a', 'ab', 'abc', 'user@example.com']) {
      for (const encoding of ['base64', 'base64url'] as const) {
        const header = `Basic ${Buffer.from(`${user}:pass-word-1`).toString(encoding)}`
        const redacted = redactor.text(`sent authorization: ${header}, got 401`)
        expect(redacted).toMatch(/^sent authorization: Basic [\w+/-]*\[redacted\], got 401$/)
        const left = Buffer.from(/Basic ([\w+/-]*)/.exec(redacted)![1]!, 'base64').toString()
        expect(`${user}:`.startsWith(left)).toBe(true)
      }
    }
  })

  it('finds any secret in any base64, wherever it lies in it', () => {
    fc.assert(
      fc.property(secret, around, around, (value, before, after) => {
        const redactor = new Redactor([value])
        const redacted = redactor.text(`x ${base64(before + value + after)} y`)
        expect(redacted).toContain('[redacted]')
        for (const part of redacted.split(/[^\w+/=-]+/)) {
          expect(Buffer.from(part, 'base64').toString()).not.toContain(value)
        }
      }),
    )
  })

  it('finds it in URLs, forms and JSON text', () => {
    const value = 'p+ß/"w\\ x!'
    const redactor = new Redactor([value])
    const forms = [
      value,
      encodeURIComponent(value),
      new URLSearchParams({ value }).toString().slice('value='.length),
      JSON.stringify(value).slice(1, -1),
    ]
    for (const form of forms) expect(redactor.text(`<${form}>`)).toBe('<[redacted]>')
  })

  it('finds it in the names of a document too', () => {
    const redactor = new Redactor(['canary-secret-value'])
    const found = redactor.redact({ 'x-canary-secret-value': { 'canary-secret-value': ['canary-secret-value', 1] } })
    expect(found).toEqual({ 'x-[redacted]': { '[redacted]': ['[redacted]', 1] } })
    const two = new Redactor(['secret-one', 'secret-two']).redact({ 'secret-one': 1, 'secret-two': 2 })
    expect(Object.values(two)).toEqual([1, 2])
  })

  it('leaves innocent text, and documents without secrets, as they are', () => {
    const redactor = new Redactor(['canary-secret-value', 'short'])
    const text = `short ${base64('canary-secret')} ${base64('anything else at all')}`
    expect(redactor.text(text)).toBe(text)
    expect(redactor.redact({ short: null, list: [1, true, 'x'] })).toEqual({ short: null, list: [1, true, 'x'] })
  })
})
