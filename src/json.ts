import { isUtf8 } from 'node:buffer'
import { SyncError } from './errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

export interface JsonLimits {
  /** Objects and lists within each other. Default 100: deeper overflows the stack of whatever walks it later. */
  readonly maxDepth?: number
  /** Keys of all objects together. Default 100,000. */
  readonly maxKeys?: number
}

/**
 * The value of JSON that came from outside. Of a key that comes twice in one object the last counts, as JSON.parse has it.
 * @throws SyncError rejected with status 400: `INVALID_ENCODING`, `TOO_DEEP`, `TOO_MANY_KEYS`, `INVALID_JSON`,
 * `DANGEROUS_KEY`. The message never quotes the body.
 */
export function parseJson(bytes: Uint8Array, { maxDepth = 100, maxKeys = 100_000 }: JsonLimits = {}): unknown {
  if (!isUtf8(bytes)) throw unreadable('INVALID_ENCODING', 'the body is not UTF-8')
  if (bytes[0] === 0xef) {
    throw unreadable('INVALID_ENCODING', 'the body begins with a byte order mark; send UTF-8 without one')
  }
  checkShape(bytes, maxDepth, maxKeys)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const value = parsed(text)
  // Only text that could spell such a key pays for the walk; an escape (`\u005f`) can spell anything.
  if (text.includes('__proto__') || text.includes('constructor') || text.includes('\\u00')) refuseDangerousKeys(value)
  return value
}

/** Names that reach a prototype when code copies an object key by key; no config and no result may hold them. */
export function isDangerousKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unreadable('INVALID_JSON', 'the body is not JSON')
  }
}

function unreadable(code: string, message: string): SyncError {
  return new SyncError('rejected', code, message, { status: 400 })
}

/** Over the bytes, so that nothing is built for what will be refused. */
function checkShape(bytes: Uint8Array, maxDepth: number, maxKeys: number): void {
  let depth = 0
  let keys = 0
  let inText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (inText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inText = false
    } else if (byte === QUOTE) inText = true
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw unreadable('TOO_DEEP', `the body is nested deeper than ${maxDepth} levels`)
    } else if (byte === 0x7d || byte === 0x5d) depth--
    else if (byte === COLON && ++keys > maxKeys) {
      throw unreadable('TOO_MANY_KEYS', `the body has more than ${maxKeys} keys`)
    }
  }
}

/** `constructor` alone is an honest field name; only `constructor: { prototype }` is an attack. */
function refuseDangerousKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const item of value) refuseDangerousKeys(item)
    return
  }
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__' || (key === 'constructor' && holdsPrototype(inner))) {
      throw unreadable('DANGEROUS_KEY', `the body has the key "${key}", which is never accepted`)
    }
    refuseDangerousKeys(inner)
  }
}

function holdsPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
}
