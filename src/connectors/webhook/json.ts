import { isUtf8 } from 'node:buffer'
import { SyncError } from '../../errors.ts'

const MAX_DEPTH = 100
const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * The value of a received JSON body.
 * @throws SyncError rejected with status 400: `INVALID_ENCODING`, `TOO_DEEP`, `INVALID_JSON`. The message never quotes
 * the body.
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw unreadable('INVALID_ENCODING', 'the body is not UTF-8')
  if (bytes[0] === 0xef && bytes[1] === 0xbb) {
    throw unreadable('INVALID_ENCODING', 'the body begins with a byte order mark; send UTF-8 without one')
  }
  checkDepth(bytes)
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw unreadable('INVALID_JSON', 'the body is not JSON')
  }
  return value
}

export function unreadable(code: string, message: string): SyncError {
  return new SyncError('rejected', code, message, { status: 400 })
}

/** Before parsing: what is nested deeper would overflow the stack of whatever walks it later. */
function checkDepth(bytes: Buffer): void {
  let depth = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (inText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_DEPTH) throw unreadable('TOO_DEEP', `the body is nested deeper than ${MAX_DEPTH} levels`)
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
}
