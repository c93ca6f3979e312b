/**
 * Filters of Twenty's REST API. Its parser counts brackets and quotes in values too and splits lists at every comma, so
 * a value with any of these is matched by a pattern with a blank in its place; the caller compares exactly.
 * @see https://github.com/twentyhq/twenty/tree/main/packages/twenty-server/src/engine/api/rest/input-request-parsers/filter-parser-utils
 */

/** Shows soft-deleted rows beside the others: they are hidden unless a filter names `deletedAt`. */
const LIVE_AND_DELETED = 'or(deletedAt[is]:NULL,deletedAt[is]:NOT_NULL)'

const AWKWARD = /[()[\]"',\\\p{Cc}]/gu

/** Rows that match the condition, the soft-deleted ones included. */
export function withDeleted(condition: string): string {
  return `and(${condition},${LIVE_AND_DELETED})`
}

/** Rows whose value at the path is one of these. A superset where values are awkward. */
export function anyOf(path: string, values: readonly string[]): string {
  const listed = values.filter(value => !isAwkward(value))
  const conditions = values.filter(isAwkward).map(value => `${path}[like]:"${wildcarded(value)}"`)
  if (listed.length === 1) conditions.unshift(`${path}[eq]:${quoted(listed[0]!)}`)
  if (listed.length > 1) conditions.unshift(`${path}[in]:[${listed.join(',')}]`)
  return conditions.length === 1 ? conditions[0]! : `or(${conditions.join(',')})`
}

/** Rows for which every path has its value. */
export function allOf(pairs: readonly { path: string; value: string }[]): string {
  const conditions = pairs.map(({ path, value }) => anyOf(path, [value]))
  return conditions.length === 1 ? conditions[0]! : `and(${conditions.join(',')})`
}

/** Rows for which one of the conditions holds. */
export function either(conditions: readonly string[]): string {
  return conditions.length === 1 ? conditions[0]! : `or(${conditions.join(',')})`
}

/** Every row, the soft-deleted ones included. */
export const EVERYTHING = LIVE_AND_DELETED

/** Changed since, or soft-deleted since; shows both kinds. */
export function touchedSince(iso: string): string {
  return `or(updatedAt[gte]:"${iso}",deletedAt[gte]:"${iso}")`
}

/** This live row, unless it was changed after that time. Their database may count finer than the milliseconds it shows. */
export function unchangedSince(id: string, iso: string): string {
  return `and(id[eq]:${id},updatedAt[lt]:"${new Date(Date.parse(iso) + 1).toISOString()}")`
}

/** A pattern that the value fits, and few others. */
export function wildcarded(value: string): string {
  return value.replaceAll(AWKWARD, '_')
}

/** Numbers and ids stay bare: older servers parse them before they take quotes off. */
export function quoted(value: string): string {
  return /^[\w@.+-]+$/.test(value) ? value : `"${value}"`
}

/** Cannot stand in a list. Blanks at the ends would be lost on the way; `%` only widens a pattern. */
export function isAwkward(value: string): boolean {
  return value.trim() !== value || value.search(AWKWARD) >= 0
}

/** For the query of a URL: only what must be is escaped, since 200 ids have to fit into 8 KiB. */
export function encodeFilter(filter: string): string {
  return encodeURIComponent(filter).replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%40', '@')
}
