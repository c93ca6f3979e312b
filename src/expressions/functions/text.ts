import type { Environment } from '@marcbachmann/cel-js'
import { spend, spendSearch } from '../meter.ts'
import { described } from './described.ts'
import { isFreeMail } from './free-mail.ts'

/** Text functions that CEL's own set lacks. */
export function registerText(env: Environment): void {
  env.registerFunction(
    'string.capitalize(): string',
    capitalize,
    described('`ada` gives `Ada`; the other letters stay as they are.'),
  )
  env.registerFunction(
    'string.slug(): string',
    slug,
    described('`Ångström & Söhne` gives `angstrom-sohne`; letters of other scripts stay.'),
  )
  env.registerFunction(
    'string.replace(string, string): string',
    replace,
    described('Every occurrence of the first text is replaced by the second.'),
  )
  env.registerFunction(
    'isFreeMail(string): bool',
    isFreeMail,
    described(
      'True for an address or a domain of a provider that gives mailboxes to anybody; `expressions: { freeMail: [mailbox.example] }` in the config adds others.',
    ),
  )
  // Beyond the end there is nothing, and no error: the second name of somebody who has one only.
  env.registerFunction(
    'list<A>.slice(int): list<A>',
    (list: unknown[], from: bigint) => list.slice(Number(from)),
    described('The list from a position on, counted from 0; from the end when negative.'),
  )
  env.registerFunction(
    'list<A>.slice(int, int): list<A>',
    (list: unknown[], from: bigint, to: bigint) => list.slice(Number(from), Number(to)),
    described('The list between two positions, the second not included.'),
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
