import { isUtf8 } from 'node:buffer'
import type { Fields } from '../../event.ts'
import { unreadable } from './unreadable.ts'

const MAX_FIELDS = 1000

/**
 * Names and values of a form; a name that comes more than once, or ends in `[]`, gives a list.
 * @throws SyncError rejected, status 400, `INVALID_FORM`.
 */
export class FormFields {
  readonly data: Fields = {}
  #count = 0

  add(name: string, value: unknown): void {
    if (++this.#count > MAX_FIELDS) throw invalidForm(`the form has more than ${MAX_FIELDS} fields`)
    const list = name.endsWith('[]')
    const key = list ? name.slice(0, -2) : name
    if (key === '' || key === '__proto__') throw invalidForm('the form has a field without a usable name')
    const known = Object.hasOwn(this.data, key) ? this.data[key] : undefined
    if (Array.isArray(known)) known.push(value)
    else if (known !== undefined) this.data[key] = [known, value]
    else this.data[key] = list ? [value] : value
  }
}

/** `application/x-www-form-urlencoded`. @see https://url.spec.whatwg.org/#urlencoded-parsing, but malformed escapes are refused. */
export function parseUrlencoded(body: Buffer): Fields {
  if (!isUtf8(body)) throw unreadable('INVALID_ENCODING', 'the body is not UTF-8')
  const fields = new FormFields()
  const text = body.toString('utf8')
  // Pair by pair: a split of many megabytes of `&` would cost memory before the limit is seen.
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('&', at)
    const end = next < 0 ? text.length : next
    const pair = text.slice(at, end)
    at = end + 1
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = equals < 0 ? pair : pair.slice(0, equals)
    fields.add(decoded(name), equals < 0 ? '' : decoded(pair.slice(equals + 1)))
  }
  return fields.data
}

export function invalidForm(message: string) {
  return unreadable('INVALID_FORM', message)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw invalidForm('the form has a malformed % escape')
  }
}
