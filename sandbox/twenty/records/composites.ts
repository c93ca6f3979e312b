import { ACTOR_SOURCES } from '../caller.ts'
import { badRequest } from '../errors.ts'
import type { Versions } from '../faults.ts'
import { subFieldsOf } from '../schema/composites.ts'
import type { Field } from '../schema/types.ts'
import { bareHost, normalUrl } from './links.ts'
import { blocknoteOf, markdownOf } from './rich-text.ts'
import { emptyText, invalid, list, numeric, text } from './scalars.ts'

type Parts = Record<string, unknown>

/**
 * What a composite input stores: the sub-fields to write. Those that are absent keep their value.
 * @throws TwentyError 400 for an unknown sub-field or a value that the type refuses.
 */
export function compositeParts(field: Field, input: unknown, versions: Versions): Parts {
  const known = subFieldsOf(field.type)!
  if (input === null) return Object.fromEntries(Object.keys(known).map(name => [name, null]))
  if (typeof input !== 'object' || Array.isArray(input)) throw invalid(field, input, 'an object')
  for (const name of Object.keys(input))
    if (!Object.hasOwn(known, name))
      throw badRequest(`Sub-field "${name}" not found in composite field "${field.name}"`)
  const parts = TRANSFORMS[field.type]!(field, input as Parts, versions)
  if (versions.partialComposites === 'all') for (const name of Object.keys(known)) parts[name] ??= null
  return parts
}

type Transform = (field: Field, input: Parts, versions: Versions) => Parts

const TRANSFORMS: Partial<Record<Field['type'], Transform>> = {
  FULL_NAME: textParts,
  EMAILS(field, input, versions) {
    const additional = input.additionalEmails
    return {
      // A missing primaryEmail clears it: the server's transform always returns the key.
      primaryEmail: email(field, input.primaryEmail ?? null, versions),
      ...(additional === undefined
        ? {}
        : { additionalEmails: list(field, additional)?.map(each => email(field, each, versions)) ?? null }),
    }
  },
  LINKS(field, input, versions) {
    const parts: Parts = {}
    const primary = field.settings?.linkKind === 'domain' && versions.domainAs === 'host' ? bareHost : normalUrl
    if (input.primaryLinkLabel !== undefined) parts.primaryLinkLabel = text(field, input.primaryLinkLabel, versions)
    if (input.primaryLinkUrl !== undefined) {
      const url = text(field, input.primaryLinkUrl, versions)
      parts.primaryLinkUrl = url ? primary(url) : url
    }
    if (input.secondaryLinks !== undefined)
      parts.secondaryLinks = list(field, input.secondaryLinks)?.map(each => link(field, each, versions)) ?? null
    if (versions.partialComposites === 'links')
      for (const name of ['primaryLinkLabel', 'primaryLinkUrl', 'secondaryLinks'])
        parts[name] ??= name === 'secondaryLinks' ? null : emptyText(versions)
    return parts
  },
  PHONES(field, input, versions) {
    const parts: Parts = {}
    if (input.primaryPhoneNumber !== undefined) parts.primaryPhoneNumber = phone(field, input.primaryPhoneNumber)
    if (input.primaryPhoneCountryCode !== undefined)
      parts.primaryPhoneCountryCode = country(field, input.primaryPhoneCountryCode, versions)
    if (input.primaryPhoneCallingCode !== undefined)
      parts.primaryPhoneCallingCode = calling(field, input.primaryPhoneCallingCode, versions)
    if (input.additionalPhones !== undefined)
      parts.additionalPhones =
        list(field, input.additionalPhones)?.map(each => otherPhone(field, each, versions)) ?? null
    return parts
  },
  CURRENCY(field, input, versions) {
    const parts: Parts = {}
    if (input.amountMicros !== undefined) parts.amountMicros = numeric(field, input.amountMicros)
    if (input.currencyCode !== undefined) {
      const code = text(field, input.currencyCode, versions)
      if (code && !/^[A-Z]{3}$/.test(code)) throw invalid(field, code, 'a currency code')
      parts.currencyCode = code
    }
    return parts
  },
  ADDRESS(field, input, versions) {
    const { addressLat, addressLng, ...texts } = input
    const parts = textParts(field, texts, versions)
    if (addressLat !== undefined) parts.addressLat = numeric(field, addressLat)
    if (addressLng !== undefined) parts.addressLng = numeric(field, addressLng)
    return parts
  },
  // Name and member are not inputs: the server fills them from the caller.
  ACTOR(field, input) {
    const parts: Parts = {}
    if (input.source !== undefined) {
      if (!ACTOR_SOURCES.includes(String(input.source))) throw invalid(field, input.source, ACTOR_SOURCES.join(', '))
      parts.source = input.source
    }
    if (typeof input.context === 'object') parts.context = input.context
    return parts
  },
  RICH_TEXT(field, input, versions) {
    const parts = textParts(field, input, versions)
    if (typeof parts.markdown === 'string' && !parts.blocknote) parts.blocknote = blocknoteOf(parts.markdown)
    else if (typeof parts.blocknote === 'string' && !parts.markdown) parts.markdown = markdownOf(parts.blocknote)
    else if (parts.markdown === null && parts.blocknote === undefined) parts.blocknote = null
    return parts
  },
}

function textParts(field: Field, input: Parts, versions: Versions): Parts {
  return Object.fromEntries(
    Object.entries(input)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, text(field, value, versions)]),
  )
}

const EMAIL = /^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+\.[^\s@<>(),;:".]+$/

function email(field: Field, value: unknown, versions: Versions): string | null {
  const address = text(field, value, versions)
  if (!address) return address
  const canonical = address.trim().toLowerCase()
  if (!EMAIL.test(canonical)) throw badRequest(`Invalid email "${address}" for field "${field.name}"`)
  return canonical
}

function link(field: Field, value: unknown, versions: Versions): unknown {
  if (typeof value !== 'object' || value === null) throw invalid(field, value, 'a list of {label, url}')
  const { label, url } = value as { label?: unknown; url?: unknown }
  const address = text(field, url ?? null, versions)
  return { label: text(field, label ?? null, versions), url: address ? normalUrl(address) : address }
}

/** The real server asks a phone-number library; this refuses only what no library takes. */
function phone(field: Field, value: unknown): string | null {
  if (value === null || value === '') return null
  if (typeof value !== 'string' || !/^\+?[\d\s().-]{2,30}$/.test(value))
    throw badRequest(`Invalid phone number "${String(value)}" for field "${field.name}"`)
  return value.replaceAll(/[\s().-]/g, '')
}

function country(field: Field, value: unknown, versions: Versions): string | null {
  const code = text(field, value, versions)
  if (code && !/^[A-Z]{2}$/.test(code)) throw badRequest(`Invalid country code "${code}" for field "${field.name}"`)
  return code
}

function calling(field: Field, value: unknown, versions: Versions): string | null {
  const code = text(field, value, versions)
  if (!code) return code
  if (!/^\+?[1-9]\d{0,3}$/.test(code)) throw badRequest(`Invalid calling code "${code}" for field "${field.name}"`)
  return code.startsWith('+') ? code : `+${code}`
}

function otherPhone(field: Field, value: unknown, versions: Versions): unknown {
  if (typeof value !== 'object' || value === null) throw invalid(field, value, 'a list of phones')
  const { number, countryCode, callingCode } = value as Record<string, unknown>
  return {
    number: phone(field, number ?? null),
    countryCode: country(field, countryCode ?? null, versions),
    callingCode: calling(field, callingCode ?? null, versions),
  }
}
