import type { Fields } from '../../event.ts'

/** Stripe's names for ours (`postalCode` is `postal_code`), without what is empty; names within `metadata` are the author's. */
export function stripeParams(values: Fields): Fields {
  const params: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null || value === '') continue
    const theirs = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
    params[theirs] = name === 'metadata' ? metadataOf(value as Fields) : paramOf(value)
  }
  return params
}

/** Stripe keeps texts. */
export function metadataOf(values: Fields): Record<string, string> {
  const present = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '')
  return Object.fromEntries(
    present.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  )
}

function paramOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(paramOf)
  return typeof value === 'object' && value !== null ? stripeParams(value as Fields) : value
}
