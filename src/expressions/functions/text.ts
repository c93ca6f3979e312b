import type { Environment } from '@marcbachmann/cel-js'
import { spend, spendSearch } from '../meter.ts'
import { isFreeMail } from './free-mail.ts'

const sync = { async: false }

/** Text functions that CEL's own set lacks. */
export function registerText(env: Environment): void {
  env.registerFunction('string.capitalize(): string', capitalize, sync)
  env.registerFunction('string.slug(): string', slug, sync)
  env.registerFunction('string.replace(string, string): string', replace, sync)
  env.registerFunction('isFreeMail(string): bool', isFreeMail, sync)
  // The rest of a list after `split`; what lies beyond its end is empty, as in JavaScript.
  env.registerFunction('list<A>.slice(int): list<A>', (list: unknown[], from: bigint) => list.slice(Number(from)), sync)
  env.registerFunction(
    'list<A>.slice(int, int): list<A>',
    (list: unknown[], from: bigint, to: bigint) => list.slice(Number(from), Number(to)),
    sync,
  )
}

/** The first letter in upper case, the rest as it is: `mcDonald` is not ours to mend. */
function capitalize(text: string): string {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0)
  return text === '' ? '' : first.toUpperCase() + text.slice(first.length)
}

/** `Ångström & Söhne` to `angstrom-sohne`; letters of other scripts stay. */
function slug(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()
  return plain
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .join('-')
}

/** Every occurrence. The parts are counted before anything is built. */
function replace(text: string, wanted: string, by: string): string {
  spendSearch(text, wanted)
  const parts = text.split(wanted)
  spend((parts.length * by.length) / 16)
  return parts.join(by)
}

/** Replaces the library's own: that one builds the whole text before anybody can look at its length. */
export function join(list: readonly unknown[], separator = ''): string {
  let length = 0
  for (const item of list) {
    if (typeof item !== 'string') throw new Error('join() takes a list of texts only; use .map(x, string(x)) before it')
    length += item.length + separator.length
  }
  spend(length / 16)
  return list.join(separator)
}
