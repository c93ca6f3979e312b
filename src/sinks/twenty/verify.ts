import { COMPOSITES } from '../../clients/twenty/composites.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import type { TwentyField, TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import { asSyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import { nearest } from '../../nearest.ts'
import type { ActionUse } from '../sink.ts'
import { targetsObject } from './links.ts'
import { OPERATORS } from './literal-filter.ts'

type Path = readonly (string | number)[]

/** Compares a step's names with what the workspace has: a wrong one is a config error, not a dead letter. */
export function verifyUse(use: ActionUse, schema: TwentySchema): void {
  const name = String(use.args.object)
  const object = schema.objects.get(name)
  if (!object) {
    use.problem(['object'], `Twenty has no object "${name}"`, schema.suggestion(name))
    return
  }
  verifyMatch(use, object)
  verifySelection(use, object)
  verifyValues(use, object)
  verifyActivity(use, object, schema)
}

function verifyMatch(use: ActionUse, object: TwentyObject): void {
  const { match } = use.args
  const map = isFields(match)
  const paths: [Path, unknown][] = map
    ? Object.keys(match).map(path => [['match', path], path])
    : Array.isArray(match)
      ? match.map((path, place) => [['match', place], path])
      : match === undefined
        ? []
        : [[['match'], match]]
  for (const [at, path] of paths) {
    if (!resolves(use, object, at, String(path)) || map) continue
    if (!hasValue(use.args.values, String(path))) {
      use.problem(at, `values has no "${String(path)}" to match by`, `add it to values, or write match as a map`)
    }
  }
}

function verifySelection(use: ActionUse, object: TwentyObject): void {
  const { by, filter } = use.args
  for (const [path, wanted] of Object.entries(isFields(by) ? by : {})) {
    if (resolves(use, object, ['by', path], path) && isFields(wanted)) useParts(use, path, wanted)
  }
  if (isFields(filter)) verifyFilter(use, object, ['filter'], filter)
}

/** A map in `by` would be one value that nothing is equal to. */
function useParts(use: ActionUse, path: string, wanted: Fields): void {
  const [part = 'part'] = Object.keys(wanted)
  use.problem(['by', path], `${path} takes a value or a list of values, not a map`, `${path}.${part}: …`)
}

function verifyFilter(use: ActionUse, object: TwentyObject, at: Path, filter: Fields): void {
  for (const [name, wanted] of Object.entries(filter)) {
    const here = [...at, name]
    if (name === 'or' && Array.isArray(wanted)) {
      wanted.forEach((each, place) => void (isFields(each) && verifyFilter(use, object, [...here, place], each)))
    } else if (name === 'not' && isFields(wanted)) verifyFilter(use, object, here, wanted)
    else if (resolves(use, object, here, name) && isFields(wanted)) verifyOperators(use, here, wanted)
  }
}

function verifyOperators(use: ActionUse, at: Path, asked: Fields): void {
  for (const operator of Object.keys(asked)) {
    if (OPERATORS.some(known => known === operator)) continue
    const suggestion = nearest(operator, OPERATORS) ?? `one of ${OPERATORS.join(', ')}`
    use.problem([...at, operator], `there is no operator "${operator}"`, suggestion)
  }
}

function hasValue(values: unknown, path: string): boolean {
  const [column] = path.split('.')
  return isFields(values) && Object.keys(values).some(name => name === path || name.split('.')[0] === column)
}

function verifyValues(use: ActionUse, object: TwentyObject): void {
  const { values } = use.args
  if (!isFields(values)) return
  for (const [name, value] of Object.entries(values)) {
    const at = ['values', name]
    if (!resolves(use, object, at, name)) continue
    const { field } = name.includes('.') ? object.resolve(name) : object.column(name)
    if (!name.includes('.') && isFields(value)) verifySubFields(use, at, field, value)
    verifyOption(use, at, field, value)
  }
}

function resolves(use: ActionUse, object: TwentyObject, at: Path, path: string): boolean {
  try {
    // A composite's bare name is a whole value in `values`, its main part in `match`.
    if (at[0] === 'values' && !path.includes('.')) object.column(path)
    else object.resolve(path)
    return true
  } catch (thrown) {
    const { message, details } = asSyncError(thrown)
    const suggestion = isFields(details) && typeof details.suggestion === 'string' ? details.suggestion : undefined
    use.problem(at, message, suggestion)
    return false
  }
}

function verifySubFields(use: ActionUse, at: Path, field: TwentyField, value: Readonly<Record<string, unknown>>): void {
  const subs = COMPOSITES[field.type]
  if (!subs) return
  for (const sub of Object.keys(value)) {
    if (subs.includes(sub)) continue
    use.problem([...at, sub], `${field.name} has no part "${sub}"; it has ${subs.join(', ')}`, nearest(sub, subs))
  }
}

/** Only an option written out can be checked before there is an event. */
function verifyOption(use: ActionUse, at: Path, field: TwentyField, value: unknown): void {
  if (!field.options) return
  for (const one of Array.isArray(value) ? value : [value]) {
    const literal = typeof one === 'string' ? /^\s*(["'])([^"'\\]*)\1\s*$/.exec(one)?.[2] : undefined
    if (literal === undefined || field.options.includes(literal)) continue
    const message = `${field.name} has no option "${literal}"; it has ${field.options.join(', ')}`
    use.problem(at, message, nearest(literal, field.options))
  }
}

function verifyActivity(use: ActionUse, object: TwentyObject, schema: TwentySchema): void {
  const { args } = use
  if (args.link !== undefined) {
    try {
      targetsObject(object, schema)
    } catch (thrown) {
      use.problem(['link'], asSyncError(thrown).message)
    }
  }
  const needed = { body: ['bodyV2', 'body'], dueIn: ['dueAt'], assignee: ['assigneeId'] }
  for (const [option, columns] of Object.entries(needed)) {
    if (args[option] === undefined || columns.some(column => object.columns.has(column))) continue
    use.problem([option], `a ${object.name} has no ${columns[0]}; ${option} is for notes and tasks`)
  }
}
