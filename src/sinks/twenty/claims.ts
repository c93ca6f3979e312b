import { bareDomain, tidyUrl } from '../../clients/twenty/links-value.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import type { Fields } from '../../event.ts'
import type { Item } from '../sink.ts'

/**
 * Names for "the record with this key", from the item alone: every instance gets the same without asking Twenty for
 * field types. Two keys may share a name, which only makes one wait; one key never has two names.
 */
export function claimsOf({ action, args }: Item): string[] {
  if (args.match === undefined || args.recordId !== undefined || action === 'update' || action === 'delete') return []
  const values = isFields(args.values) ? args.values : {}
  if (isFields(args.match)) {
    const parts = Object.entries(args.match).map(([path, value]) => [columnOf(path), claimText(path, value)] as const)
    if (parts.some(([, text]) => text === '')) return []
    parts.sort(([left], [right]) => (left < right ? -1 : 1))
    return [claim(args, parts.map(([column]) => column).join('+'), parts.map(([, text]) => text).join('+'))]
  }
  const paths = (Array.isArray(args.match) ? args.match : [args.match]).map(String)
  return paths.flatMap(path => {
    const text = claimText(path, valueAt(values, path))
    return text === '' ? [] : [claim(args, columnOf(path), text)]
  })
}

function claim(args: Fields, column: string, text: string): string {
  return `${String(args.object)}/${column}/${text}`
}

/** `domainName` and `domainName.primaryLinkUrl` mean the same. */
function columnOf(path: string): string {
  return path.split('.')[0]!
}

function valueAt(values: Fields, path: string): unknown {
  if (path in values) return mainOf(values[path])
  const [column, sub] = path.split('.') as [string, string | undefined]
  const whole = values[column]
  if (isFields(whole)) return sub ? whole[sub] : mainOf(whole)
  if (whole !== undefined) return whole
  return Object.entries(values).find(([name]) => columnOf(name) === column)?.[1]
}

/** Of a composite the part that identifies. */
function mainOf(value: unknown): unknown {
  if (!isFields(value)) return value
  return value.primaryEmail ?? value.primaryLinkUrl ?? value.primaryPhoneNumber ?? value.id ?? ''
}

function claimText(path: string, value: unknown): string {
  const main = mainOf(value)
  if (main === null || main === undefined || typeof main === 'object') return ''
  const text = String(main).trim().toLowerCase()
  if (/domain/i.test(path)) return bareDomain(text)
  if (text.includes('://')) return tidyUrl(text)
  return /phone/i.test(path) ? text.replaceAll(/\D/g, '') : text
}
