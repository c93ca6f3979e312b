/** The block compressor of lz4js: returns the bytes written, 0 when it found nothing to compress. */
export type CompressBlock = (
  source: Uint8Array,
  target: Uint8Array,
  start: number,
  length: number,
  hashTable: Uint32Array,
) => number

/** Magic number, version 1 with independent blocks, 64 KiB blocks, and the checksum of these two. */
const HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
const BLOCK_BYTES = 64 * 1024
const UNCOMPRESSED = 0x80000000

/**
 * An LZ4 frame as Kafka takes it. The frames that lz4js makes by itself have blocks that depend on each other, which
 * brokers refuse as UNKNOWN. @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
export function lz4Frame(source: Uint8Array, compressBlock: CompressBlock): Buffer {
  const parts: Uint8Array[] = [HEADER]
  const hashTable = new Uint32Array(1 << 16)
  for (let start = 0; start < source.length; start += BLOCK_BYTES) {
    const length = Math.min(BLOCK_BYTES, source.length - start)
    // Emptied, so that no match reaches back into an earlier block.
    hashTable.fill(0)
    const block = Buffer.allocUnsafe(length + Math.ceil(length / 255) + 16)
    const size = compressBlock(source, block, start, length, hashTable)
    const isSmaller = size > 0 && size < length
    parts.push(sizeBytes(isSmaller ? size : UNCOMPRESSED + length))
    parts.push(isSmaller ? block.subarray(0, size) : source.subarray(start, start + length))
  }
  return Buffer.concat([...parts, sizeBytes(0)])
}

function sizeBytes(size: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(size)
  return bytes
}
