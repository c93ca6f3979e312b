import { createRequire } from 'node:module'
import { init as initZstd, compress as zstdCompress, decompress as zstdDecompress } from '@bokuweb/zstd-wasm'
import kafkajs from 'kafkajs'
import { type CompressBlock, lz4Frame } from './lz4-frame.ts'

// Node finds only some of the names that this CommonJS package exports.
const { CompressionCodecs, CompressionTypes } = kafkajs

interface Lz4 {
  readonly compressBlock: CompressBlock
  decompress(bytes: Uint8Array): Uint8Array
}

/** kafkajs hands over its encoder and takes bytes. */
interface Uncompressed {
  readonly buffer: Buffer
}

const load = createRequire(import.meta.url)
let registered: Promise<void> | undefined

/** All four codecs of Kafka, once a process: a consumer that meets one it lacks could not go on. gzip is built in. */
export function registerCodecs(): Promise<void> {
  registered ??= register()
  return registered
}

async function register(): Promise<void> {
  const lz4 = load('lz4js') as Lz4
  CompressionCodecs[CompressionTypes.Snappy] = load('kafkajs-snappy') as () => unknown
  CompressionCodecs[CompressionTypes.LZ4] = codec(bytes => lz4Frame(bytes, lz4.compressBlock), lz4.decompress)
  await initZstd()
  CompressionCodecs[CompressionTypes.ZSTD] = codec(zstdCompress, zstdDecompress)
}

type Bytes = (bytes: Uint8Array) => Uint8Array

function codec(compress: Bytes, decompress: Bytes) {
  return () => ({
    compress: async (encoder: Uncompressed) => Buffer.from(compress(encoder.buffer)),
    decompress: async (bytes: Buffer) => Buffer.from(decompress(bytes)),
  })
}

export const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const
