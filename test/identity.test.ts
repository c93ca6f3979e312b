import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson, derivedId, shortHash, timedId } from '../src/identity.ts'

/** RFC 9562, section 5.5, step by step. */
function uuidV5(namespace: Buffer, name: string): string {
  const bytes = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x50
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

it('ids are UUIDs version 5 over the parts, each with its length', () => {
  const namespace = Buffer.from('6f1c2b0e5d3a4c7e9b8a2f4d6e8c0a12', 'hex')
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), parts => {
      expect(derivedId(...parts)).toBe(uuidV5(namespace, parts.map(part => `${part.length}:${part}`).join('')))
    }),
  )
})

it('ids never change: what is stored under them would be lost', () => {
  expect(derivedId('a', 'bc')).toBe('3bc00f8d-380c-55b1-ac2c-11c21b2e19b0')
  expect(derivedId('ab', 'c')).toBe('5a5dd58c-6eb9-57a3-8089-de7ca7485697')
  expect(shortHash('person')).toBe('38a81e87e79631e6')
})

it('random ids of one while begin alike, and stay UUIDs version 4', () => {
  const at = Date.parse('2026-11-24T10:00:00.000Z')
  const random = 'f81d4fae-7dec-41d0-a765-00a0c91e6bf6'
  expect(timedId(at, random)).toBe('01a20cff-7d00-41d0-a765-00a0c91e6bf6')
  expect(timedId(at, random) < timedId(at + 1, random)).toBe(true)
})

it('null, empty and absent are one in canonical JSON, and the order of keys is none', () => {
  expect(canonicalJson({ b: [1, '', { d: undefined }], a: null, c: 'x' })).toBe(
    canonicalJson({ c: 'x', b: [1, null, {}] }),
  )
})
