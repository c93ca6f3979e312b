import { createHmac, hash } from 'node:crypto'

export type HmacAlgorithm = 'sha1' | 'sha256' | 'sha512'
export type HmacEncoding = 'hex' | 'base64'

/** The HMAC of a message that is given in parts. */
export type Hmac = (...message: readonly (string | Buffer)[]) => string

const BLOCK_BYTES: Readonly<Record<HmacAlgorithm, number>> = { sha1: 64, sha256: 64, sha512: 128 }
/** Above this, copying a message costs more than a hash object. */
const ONE_SHOT_BYTES = 64 * 1024

/**
 * HMAC with a key that is prepared once. Short messages are hashed in one shot, twice, as RFC 2104 defines it: a hash
 * object for each request costs more than the hashing, most of it when it is collected.
 * @see https://www.rfc-editor.org/rfc/rfc2104#section-2
 */
export function hmacOf(algorithm: HmacAlgorithm, encoding: HmacEncoding, key: string | Buffer): Hmac {
  const block = Buffer.alloc(BLOCK_BYTES[algorithm])
  const bytes = Buffer.from(key as string)
  ;(bytes.length > block.length ? hash(algorithm, bytes, 'buffer') : bytes).copy(block)
  const inner = block.map(byte => byte ^ 0x36)
  const outer = block.map(byte => byte ^ 0x5c)
  return (...message) => {
    const parts = message.map(part => (typeof part === 'string' ? Buffer.from(part) : part))
    if (parts.reduce((sum, part) => sum + part.length, 0) > ONE_SHOT_BYTES) {
      const mac = createHmac(algorithm, bytes)
      for (const part of parts) mac.update(part)
      return mac.digest(encoding)
    }
    const digest = hash(algorithm, Buffer.concat([inner, ...parts]), 'buffer')
    return hash(algorithm, Buffer.concat([outer, digest]), encoding)
  }
}
