import { atomizeChangeset, diff } from 'json-diff-ts'
import type { PlannedWrite } from '../../runtime/replay.ts'
import type { Style } from './style.ts'
import { cut, plain, widthOf } from './text.ts'

const VALUE_WIDTH = 60

interface FieldChange {
  readonly field: string
  readonly before?: unknown
  readonly after?: unknown
}

/** What a step would write, field by field. `none` and `read` have nothing to show: undefined. */
export function writeText(write: PlannedWrite, style: Style): string | undefined {
  const [head, ...changes] = writeLines(write, style)
  if (head === undefined) return undefined
  const cause = style.dim(`  ${plain(write.step)}, for ${plain(write.subject)}`)
  return [head + cause, ...changes].join('\n')
}

/** What is written to what, then the fields. */
export function writeLines(write: PlannedWrite, style: Style): string[] {
  if (write.operation === 'none' || write.operation === 'read') return []
  const changes = changesOf(write)
  const width = Math.max(0, ...changes.map(({ field }) => widthOf(field)))
  return [
    paintOperation(write.operation, style) + (write.target ? ` ${style.bold(plain(write.target))}` : ''),
    ...changes.map(change => changeText(change, width, style)),
  ]
}

function paintOperation(operation: string, style: Style): string {
  if (operation === 'delete') return style.red(operation)
  return operation === 'create' || operation === 'restore' ? style.green(operation) : style.yellow(operation)
}

function changeText({ field, before, after }: FieldChange, width: number, style: Style): string {
  const name = plain(field) + ' '.repeat(width - widthOf(field))
  if (before === undefined) return `  ${style.green('+')} ${name}  ${shown(after)}`
  if (after === undefined) return `  ${style.red('-')} ${name}  ${shown(before)}`
  return `  ${style.yellow('~')} ${name}  ${shown(before)} ${style.dim('->')} ${shown(after)}`
}

/** Down to the single values: of an address only the city, of a list only what came or went. */
export function changesOf({ before, after }: PlannedWrite): FieldChange[] {
  const [left, right] = [fieldsOf(before), fieldsOf(after)]
  return Object.keys({ ...left, ...right }).flatMap(field => {
    const [old, wanted] = [left[field], right[field]]
    if (!isFields(old) || !isFields(wanted)) return [{ field, before: old, after: wanted }]
    return atomizeChangeset(diff(old, wanted, { treatTypeChangeAsReplace: false })).map(change => ({
      field: `${field}${change.path.replace(/^\$/, '')}`,
      ...('oldValue' in change ? { before: change.oldValue } : change.type === 'REMOVE' && { before: change.value }),
      ...(change.type !== 'REMOVE' && { after: change.value }),
    }))
  })
}

function shown(value: unknown): string {
  return cut(plain(JSON.stringify(value) ?? 'nothing'), VALUE_WIDTH)
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return isFields(value) ? value : {}
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
