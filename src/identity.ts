import { hash } from 'node:crypto'

/** Namespace of every id that twenty-sync derives. Changing it would make all earlier ids foreign. */
const NAMESPACE = Buffer.from('6f1c2b0e5d3a4c7e9b8a2f4d6e8c0a12', 'hex')

/**
 * UUID v5 over the parts, so that the same parts give the same id in every process for ever.
 * Version 5 because Twenty refuses ids newer than v5.
 */
export function derivedId(...parts: readonly string[]): string {
  let text = ''
  // A length before each part: ('a','bc') and ('ab','c') must differ.
  for (const part of parts) text += `${part.length}:${part}`
  // In one shot: a hash object costs more than the hash, and every event has an id.
  const hex = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(text)]), 'hex')
  const variant = VARIANTS[Number.parseInt(hex[16]!, 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/**
 * A random UUID, with the time in place of its first 48 bits: what is stored under such ids in one while lies side by side,
 * and costs less to store. It goes on as version 4, because of Twenty.
 */
export function timedId(now: number, random: string): string {
  const hex = now.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}${random.slice(13)}`
}

/** The four digits that mark a UUID of RFC 9562. */
const VARIANTS = '89ab'

/** JSON with sorted keys; null, '' and absent are one. Equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(canonical(value)) ?? 'null'
}

function canonical(value: unknown): unknown {
  if (value === '' || value === undefined) return null
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const sorted: Record<string, unknown> = {}
  for (const key of Object.keys(value).sort()) {
    const inner = canonical((value as Record<string, unknown>)[key])
    if (inner !== null) sorted[key] = inner
  }
  return sorted
}

/** Short stable hash for keys and comparisons; not for secrets. 16 hex characters. */
export function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}
