import { domainToASCII } from 'node:url'
import { SyncError } from '../../errors.ts'

export interface Address {
  readonly name: string
  /** The domain in its ASCII form, so that it can stand in every header and command. */
  readonly address: string
}

/** Stands in a config as it is; nothing with an @ outside quotes is an expression. */
export const LITERAL_ADDRESS =
  '^(?:[^<>@\'"\\x00-\\x1f]*<[^\\s<>@\'"]+@[^\\s<>@\'"]+>|[^\\s<>@\'"(),;]+@[^\\s<>@\'"(),;]+)$'

/** RFC 5321, section 4.5.3.1, in octets. */
const LONGEST_LOCAL_PART = 64
const LONGEST_ADDRESS = 254
const LONGEST_NAME = 200

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into a header
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/** True for text that would begin a header of the sender's choice, or an unreadable one. */
export function hasControl(text: string): boolean {
  return CONTROL.test(text)
}

/**
 * Every address of a value: a text with one address, `Name <address>`, a map with `address` and `name`, or a list of
 * them; null and absent are nobody. One text is never several addresses: data must not choose how many people get a mail.
 * @throws SyncError rejected `BAD_MAIL`
 */
export function addressesOf(value: unknown, place: string): Address[] {
  if (value === undefined || value === null || value === '') return []
  if (Array.isArray(value)) return value.flatMap((one, at) => addressesOf(one, `${place}[${at}]`))
  if (typeof value === 'string') return [parsed(value, place)]
  if (typeof value === 'object' && 'address' in value) {
    const { address, name = '' } = value as { address: unknown; name?: unknown }
    if (typeof address === 'string' && typeof name === 'string') return [made(name, address, place)]
  }
  throw bad(place, value, 'is no address')
}

/** An address for a mail from and to it. @throws SyncError rejected `BAD_MAIL` */
export function addressOf(value: unknown, place: string): Address {
  const [one, second] = addressesOf(value, place)
  if (!one || second) throw bad(place, value, 'must be one address')
  return one
}

function parsed(text: string, place: string): Address {
  if (hasControl(text)) throw bad(place, text, 'has a line end or another control character')
  const bracketed = /^([^<>]*)<([^<>]*)>$/.exec(text.trim())
  if (!bracketed) return made('', text.trim(), place)
  const name = bracketed[1]!.trim().replace(/^"(.*)"$/, '$1')
  return made(name, bracketed[2]!, place)
}

/** An ordinary address: no quoted local part, no address literal, no comment. Those serve to deceive parsers. */
function made(name: string, written: string, place: string): Address {
  const at = written.lastIndexOf('@')
  const local = written.slice(0, at)
  const domain = domainToASCII(written.slice(at + 1))
  const address = `${local}@${domain}`
  if (at < 1 || !isLocalPart(local) || !isDomain(domain)) throw bad(place, written, 'is no address')
  if (Buffer.byteLength(local) > LONGEST_LOCAL_PART || Buffer.byteLength(address) > LONGEST_ADDRESS) {
    throw bad(place, written, 'is too long for an address')
  }
  if (hasControl(name) || name.length > LONGEST_NAME) throw bad(place, name, 'cannot be the name of an address')
  return { name: name.trim(), address }
}

/** RFC 5322 dot-atom; beyond ASCII as RFC 6531 has it, without spaces and invisible signs. */
function isLocalPart(text: string): boolean {
  return (
    /^[\w!#$%&'*+/=?^`{|}~\u00a1-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u00a1-\u{10ffff}-]+)*$/u.test(text) &&
    !/[\p{C}\p{Z}]/u.test(text)
  )
}

function isDomain(text: string): boolean {
  return (
    text.length <= 253 &&
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(text)
  )
}

function bad(place: string, value: unknown, why: string): SyncError {
  const shown = JSON.stringify(value) ?? 'nothing'
  return new SyncError(
    'rejected',
    'BAD_MAIL',
    `\`${place}\`: ${shown.length > 120 ? `${shown.slice(0, 120)}…` : shown} ${why}`,
  )
}
