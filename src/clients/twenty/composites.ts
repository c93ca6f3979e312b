/**
 * Sub-fields of Twenty's composite types, in the server's order.
 * @see https://github.com/twentyhq/twenty/tree/main/packages/twenty-shared/src/types/composite-types
 */
export const COMPOSITES: Readonly<Record<string, readonly string[]>> = {
  FULL_NAME: ['firstName', 'lastName'],
  EMAILS: ['primaryEmail', 'additionalEmails'],
  PHONES: ['primaryPhoneNumber', 'primaryPhoneCountryCode', 'primaryPhoneCallingCode', 'additionalPhones'],
  LINKS: ['primaryLinkUrl', 'primaryLinkLabel', 'secondaryLinks'],
  CURRENCY: ['amountMicros', 'currencyCode'],
  ADDRESS: [
    'addressStreet1',
    'addressStreet2',
    'addressCity',
    'addressPostcode',
    'addressState',
    'addressCountry',
    'addressLat',
    'addressLng',
  ],
  ACTOR: ['source', 'workspaceMemberId', 'name'],
  RICH_TEXT: ['markdown', 'blocknote'],
}

/** The sub-field that is meant when only the field is named, and that decides whether the field is empty. */
export const MAIN_SUB_FIELD: Readonly<Record<string, string>> = {
  EMAILS: 'primaryEmail',
  PHONES: 'primaryPhoneNumber',
  LINKS: 'primaryLinkUrl',
  CURRENCY: 'amountMicros',
  RICH_TEXT: 'markdown',
}

/** Sub-fields under a unique constraint: two empty texts would collide there, two nulls do not. */
export const UNIQUE_SUB_FIELDS = new Set(['primaryEmail', 'primaryLinkUrl', 'primaryPhoneNumber'])

/** Sub-fields that hold something other than text. */
export const NON_TEXT_SUB_FIELDS = new Set([
  'additionalEmails',
  'additionalPhones',
  'secondaryLinks',
  'amountMicros',
  'currencyCode',
  'addressLat',
  'addressLng',
  'source',
  'workspaceMemberId',
])
