import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hmacOf } from '../../src/connectors/webhook/hmac.ts'

it('is the HMAC of the platform, for any key, message and division of it', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
  const part = fc.oneof(bytes, fc.string({ unit: 'binary' }))
  const algorithms = fc.constantFrom('sha1' as const, 'sha256' as const, 'sha512' as const)
  fc.assert(
    fc.property(
      algorithms,
      fc.constantFrom('hex', 'base64'),
      bytes,
      fc.array(part),
      (algorithm, encoding, key, parts) => {
        const expected = createHmac(algorithm, key)
        for (const one of parts) expected.update(one)
        expect(hmacOf(algorithm, encoding, key)(...parts)).toBe(expected.digest(encoding))
      },
    ),
    { numRuns: 500 },
  )
})

it.each([65_535, 65_536, 65_537, 5_000_000])('is the same for a message of %i bytes', size => {
  const body = Buffer.alloc(size, 'ü')
  expect(hmacOf('sha256', 'hex', 'key')('a', body)).toBe(
    createHmac('sha256', 'key').update('a').update(body).digest('hex'),
  )
})
