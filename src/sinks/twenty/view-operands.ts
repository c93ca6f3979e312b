import { COMPOSITES } from '../../clients/twenty/composites.ts'
import {
  all,
  any,
  type Comparison,
  type Condition,
  compares,
  contains,
  containsAny,
  isNull,
  not,
  oneOf,
} from '../../clients/twenty/condition.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import type { FieldPath, TwentyField, TwentyObject } from '../../clients/twenty/schema.ts'
import type { ViewFilter } from '../../clients/twenty/views.ts'
import { SyncError } from '../../errors.ts'
import { isEmpty } from './literal-filter.ts'
import { keyText } from './values.ts'
import { dayAt, daySpan, daysOf, relativeOf, type Span, spanOf } from './view-dates.ts'

interface Asked {
  readonly object: TwentyObject
  readonly field: TwentyField
  /** The column, or the sub-field that the view names. */
  readonly path: string
  readonly subField?: string
  readonly operand: string
  readonly value: unknown
  readonly now: number
}

/** What one filter of a view asks; undefined where operand or value are none that are known for the field's type. */
export function askedOf(
  object: TwentyObject,
  field: TwentyField,
  { operand, value, subField }: ViewFilter,
  now: number,
): Condition | undefined {
  const column = field.joinColumn ?? field.name
  const path = subField && COMPOSITES[field.type] ? `${column}.${subField}` : column
  const asked: Asked = { object, field, path, ...(subField && { subField }), operand, value, now }
  if (operand === 'IS_EMPTY') return empty(asked)
  if (operand === 'IS_NOT_EMPTY' || operand === 'IS_NOT_NULL') return not(empty(asked))
  return BY_TYPE[field.type]?.(asked)
}

type Translate = (asked: Asked) => Condition | undefined

const BY_TYPE: Readonly<Record<string, Translate>> = {
  TEXT: asked => containing(asked, [asked.path]) ?? exactly(asked),
  RAW_JSON: asked => containing(asked, [asked.path]),
  FULL_NAME: asked => containing(asked, parts(asked, ['firstName', 'lastName'])),
  EMAILS: asked => containing(asked, parts(asked, ['primaryEmail', 'additionalEmails'])),
  LINKS: asked => containing(asked, parts(asked, ['primaryLinkUrl', 'primaryLinkLabel', 'secondaryLinks'])),
  PHONES: asked =>
    containing(asked, parts(asked, ['primaryPhoneNumber', 'primaryPhoneCallingCode', 'additionalPhones'])),
  ADDRESS: asked =>
    Array.isArray(jsonOf(asked.value)) ? listed(asked) : containing(asked, parts(asked, ADDRESS_TEXTS)),
  NUMBER: asked => number(asked, Number(asked.value)),
  NUMERIC: asked => number(asked, Number(asked.value)),
  CURRENCY: asked => (asked.subField === 'currencyCode' ? listed(asked) : currency(asked)),
  BOOLEAN: asked => (asked.operand === 'IS' ? compares(asked.path, 'eq', String(asked.value)) : undefined),
  UUID: listed,
  SELECT: listed,
  RATING: rating,
  MULTI_SELECT: multiSelect,
  RELATION: relation,
  MORPH_RELATION: relation,
  ACTOR: asked =>
    asked.subField === 'source'
      ? listed(asked)
      : asked.subField === 'name'
        ? containing(asked, [asked.path])
        : undefined,
  DATE: asked => date(asked),
  DATE_TIME: asked => dateTime(asked),
}

const ADDRESS_TEXTS = [
  'addressStreet1',
  'addressStreet2',
  'addressCity',
  'addressState',
  'addressCountry',
  'addressPostcode',
]

/** A row that lacks the main part of a composite lacks the others, as the user interface fills them in this order. */
function empty({ object, field, path, subField }: Asked): Condition {
  if (subField) return isEmpty(object.resolve(path))
  const texts: Readonly<Record<string, readonly string[]>> = {
    FULL_NAME: ['firstName', 'lastName'],
    ADDRESS: ADDRESS_TEXTS,
  }
  const subs = texts[field.type]
  if (subs) return all(subs.map(sub => isEmpty(object.resolve(`${path}.${sub}`))))
  return isEmpty(object.resolve(path))
}

/** The sub-field that the view names, or all that it looks into. */
function parts({ path, subField }: Asked, subs: readonly string[]): string[] {
  return subField ? [path] : subs.map(sub => `${path}.${sub}`)
}

function containing({ object, operand, value }: Asked, paths: readonly string[]): Condition | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  const each = paths.map(path => contains(object.resolve(path), value))
  if (operand === 'CONTAINS') return any(each)
  // What is not there contains nothing: without the second half SQL leaves rows without a value out.
  if (operand === 'DOES_NOT_CONTAIN') return all(each.map((part, at) => any([not(part), isNull(paths[at]!)])))
  return undefined
}

function exactly({ path, operand, value }: Asked): Condition | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  if (operand === 'IS' || operand === 'IS_EXACTLY') return compares(path, 'eq', value)
  return operand === 'IS_NOT' || operand === 'IS_NOT_EXACTLY' ? not(compares(path, 'eq', value)) : undefined
}

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  IS: 'eq',
  GREATER_THAN_OR_EQUAL: 'gte',
  LESS_THAN_OR_EQUAL: 'lte',
}

function number({ path, operand, value }: Asked, wanted: number): Condition | undefined {
  if (!Number.isFinite(wanted) || value === '' || value === null) return undefined
  if (operand === 'IS_NOT') return not(compares(path, 'eq', String(wanted)))
  const comparison = COMPARISONS[operand]
  return comparison && compares(path, comparison, String(wanted))
}

/** People write 1500, and 1500000000 micros are kept. */
function currency(asked: Asked): Condition | undefined {
  const path = asked.subField ? asked.path : `${asked.path}.amountMicros`
  return number({ ...asked, path }, Math.round(Number(asked.value) * 1_000_000))
}

/** SELECT and its like: a list of options, in which '' stands for none. */
function listed({ object, path, operand, value }: Asked): Condition | undefined {
  const wanted = jsonOf(value)
  if (!Array.isArray(wanted) || wanted.length === 0) return undefined
  const at = object.resolve(path)
  const options = wanted.map(String).filter(option => option !== '')
  const some = [
    ...(options.length > 0 ? [options.length === 1 ? compares(path, 'eq', options[0]!) : among(at, options)] : []),
    ...(options.length < wanted.length ? [isNull(path)] : []),
  ]
  if (operand === 'IS' || operand === 'CONTAINS') return any(some)
  return operand === 'IS_NOT' || operand === 'DOES_NOT_CONTAIN' ? all(some.map(not)) : undefined
}

function among(at: FieldPath, values: readonly string[]): Condition {
  return oneOf(at.path, values, row => {
    const held = row[at.column]
    return keyText(at, at.sub && isFields(held) ? held[at.sub] : held)
  })
}

/** A number of stars: the options are called RATING_1 to RATING_5. */
function rating(asked: Asked): Condition | undefined {
  const stars = Number(asked.value)
  const options = asked.field.options ?? []
  const chosen = options.filter(option => {
    const count = Number(option.replace(/^\D+/, ''))
    if (asked.operand === 'GREATER_THAN_OR_EQUAL') return count >= stars
    return asked.operand === 'LESS_THAN_OR_EQUAL' ? count <= stars : count === stars
  })
  if (!Number.isFinite(stars) || chosen.length === 0) return undefined
  const operand = asked.operand === 'IS_NOT' ? 'IS_NOT' : 'IS'
  return asked.operand in COMPARISONS || operand === 'IS_NOT' ? listed({ ...asked, operand, value: chosen }) : undefined
}

function multiSelect({ path, operand, value }: Asked): Condition | undefined {
  const wanted = jsonOf(value)
  if (!Array.isArray(wanted) || wanted.length === 0) return undefined
  const options = wanted.map(String).filter(option => option !== '')
  const some: Condition[] = [
    ...(options.length > 0 ? [containsAny(path, options)] : []),
    ...(options.length < wanted.length ? [isNull(path)] : []),
  ]
  if (operand === 'CONTAINS' || operand === 'IS') return any(some)
  if (operand !== 'DOES_NOT_CONTAIN' && operand !== 'IS_NOT') return undefined
  return options.length < wanted.length ? all(some.map(not)) : any([...some.map(not), isNull(path)])
}

/** `{ selectedRecordIds, isCurrentWorkspaceMemberSelected }`, or only the ids. */
function relation({ object, path, operand, value }: Asked): Condition | undefined {
  const wanted = jsonOf(value)
  const given = isFields(wanted) ? wanted : { selectedRecordIds: wanted }
  if (given.isCurrentWorkspaceMemberSelected === true) throw unclear('it means "me", the one who looks at it')
  if (given.isCurrentRecordSelected === true) throw unclear('it means "this record", the page on which it is shown')
  const ids = given.selectedRecordIds
  if (!Array.isArray(ids) || ids.length === 0) return undefined
  const some = among(object.resolve(path), ids.map(String))
  if (operand === 'IS') return some
  return operand === 'IS_NOT' ? any([not(some), isNull(path)]) : undefined
}

function dateTime({ path, operand, value, now }: Asked): Condition | undefined {
  const text = String(value ?? '')
  const at = Date.parse(text)
  switch (operand) {
    case 'IS_IN_PAST':
      return compares(path, 'lt', instant(now))
    case 'IS_IN_FUTURE':
      return compares(path, 'gt', instant(now))
    case 'IS_TODAY':
      return within(path, daySpan(dayAt(now, 'UTC'), 'UTC'))
    case 'IS_RELATIVE': {
      const relative = relativeOf(text)
      return relative && within(path, spanOf(relative, now))
    }
  }
  if (Number.isNaN(at)) return undefined
  if (operand === 'IS_BEFORE') return compares(path, 'lt', instant(at))
  if (operand === 'IS_AFTER') return compares(path, 'gte', instant(at))
  return operand === 'IS' ? within(path, daySpan(dayAt(at, 'UTC'), 'UTC')) : undefined
}

function date({ path, operand, value, now }: Asked): Condition | undefined {
  const text = String(value ?? '')
  const today = dayAt(now, 'UTC')
  switch (operand) {
    case 'IS_IN_PAST':
      return compares(path, 'lt', today)
    case 'IS_IN_FUTURE':
      return compares(path, 'gte', today)
    case 'IS_TODAY':
      return compares(path, 'eq', today)
    case 'IS_RELATIVE': {
      const relative = relativeOf(text)
      const days = relative && daysOf(relative, now)
      return days && all([compares(path, 'gte', days.from), compares(path, 'lt', days.to)])
    }
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined
  const day = text.slice(0, 10)
  if (operand === 'IS_BEFORE') return compares(path, 'lt', day)
  if (operand === 'IS_AFTER') return compares(path, 'gte', day)
  return operand === 'IS' ? compares(path, 'eq', day) : undefined
}

function within(path: string, { from, to }: Span): Condition {
  return all([compares(path, 'gte', instant(from)), compares(path, 'lt', instant(to))])
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

/** Values are texts, and the text of a list or map is JSON. */
function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

function unclear(why: string): SyncError {
  return new SyncError('rejected', 'VIEW_NOT_POSSIBLE', why)
}
