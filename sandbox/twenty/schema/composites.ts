import type { FieldType } from './types.ts'

export type SubFieldType = 'text' | 'numeric' | 'list' | 'json' | 'uuid' | 'source'

/** Sub-fields of each composite type, in the order in which answers show them. */
const COMPOSITES: Partial<Record<FieldType, Readonly<Record<string, SubFieldType>>>> = {
  FULL_NAME: { firstName: 'text', lastName: 'text' },
  EMAILS: { primaryEmail: 'text', additionalEmails: 'list' },
  PHONES: {
    primaryPhoneNumber: 'text',
    primaryPhoneCountryCode: 'text',
    primaryPhoneCallingCode: 'text',
    additionalPhones: 'list',
  },
  LINKS: { primaryLinkLabel: 'text', primaryLinkUrl: 'text', secondaryLinks: 'list' },
  CURRENCY: { amountMicros: 'numeric', currencyCode: 'text' },
  ADDRESS: {
    addressStreet1: 'text',
    addressStreet2: 'text',
    addressCity: 'text',
    addressPostcode: 'text',
    addressState: 'text',
    addressCountry: 'text',
    addressLat: 'numeric',
    addressLng: 'numeric',
  },
  ACTOR: { source: 'source', workspaceMemberId: 'uuid', name: 'text', context: 'json' },
  RICH_TEXT: { blocknote: 'text', markdown: 'text' },
}

/** Sub-fields that share the unique constraint of a unique field. */
const UNIQUE_PARTS: Partial<Record<FieldType, readonly string[]>> = {
  EMAILS: ['primaryEmail'],
  LINKS: ['primaryLinkUrl'],
  PHONES: ['primaryPhoneNumber', 'primaryPhoneCountryCode', 'primaryPhoneCallingCode'],
}

export function subFieldsOf(type: FieldType): Readonly<Record<string, SubFieldType>> | undefined {
  return COMPOSITES[type]
}

export function uniquePathsOf(type: FieldType, column: string): string[][] {
  return UNIQUE_PARTS[type]?.map(part => [column, part]) ?? [[column]]
}
