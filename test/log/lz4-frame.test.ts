import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type CompressBlock, lz4Frame } from '../../src/log/kafka/lz4-frame.ts'

const lz4 = createRequire(import.meta.url)('lz4js') as {
  compressBlock: CompressBlock
  decompress(bytes: Uint8Array): Uint8Array
}
const roundTrip = (bytes: Uint8Array) => Buffer.from(lz4.decompress(lz4Frame(bytes, lz4.compressBlock)))

it('gives back any bytes, also over many blocks', () => {
  const repeated = fc
    .tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 1000 }))
    .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), repeated), bytes => {
      expect(roundTrip(bytes).equals(bytes)).toBe(true)
    }),
    { numRuns: 300 },
  )
})

it('makes blocks that stand alone: the same block twice is as long twice', () => {
  const block = Buffer.from(Array.from({ length: 64 * 1024 }, (_, i) => (i * 7919) % 251))
  const once = lz4Frame(block, lz4.compressBlock).length
  expect(lz4Frame(Buffer.concat([block, block]), lz4.compressBlock).length).toBe(2 * once - 11)
})
