import { badRequest } from '../errors.ts'

/** Names that 2.43 refuses for custom objects and fields. `billing` stands for every name that begins so. */
const RESERVED = new Set([
  ...pair('approvedAccessDomain'),
  ...pair('appToken'),
  ...pair('featureFlag'),
  ...pair('job'),
  ...pair('keyValuePair'),
  ...pair('pageLayout'),
  ...pair('pageLayoutTab'),
  ...pair('pageLayoutWidget'),
  ...pair('twoFactorMethod'),
  ...pair('user'),
  ...pair('userWorkspace'),
  ...pair('workspace'),
  ...pair('role'),
  ...pair('userWorkspaceRole'),
  ...pair('plan'),
  ...pair('event'),
  ...pair('field'),
  ...pair('link'),
  'currency',
  'currencies',
  'fullNames',
  'address',
  'addresses',
  ...pair('type'),
  ...pair('object'),
  'index',
  ...pair('relation'),
  'aggregate',
  'connect',
  'create',
  'disconnect',
  'search',
  'searches',
])

function pair(name: string): string[] {
  return [name, `${name}s`]
}

const CAMEL_CASE = /^[a-z][a-zA-Z0-9]*$/

/** @throws TwentyError 400 when the name cannot be given to an object or a field. */
export function checkName(name: unknown, what: string): string {
  if (typeof name !== 'string' || name === '') throw badRequest(`${what} is missing`)
  if (name.length > 63) throw badRequest(`${what} "${name}" is too long: at most 63 characters`)
  if (!CAMEL_CASE.test(name)) throw badRequest(`${what} "${name}" is not in camelCase`)
  if (RESERVED.has(name) || name.startsWith('billing')) throw badRequest(`${what} "${name}" is reserved`)
  return name
}
