import type { Elsewhere, RecordShape, Shape } from '../../shape.ts'
import { COMPOSITES } from './composites.ts'
import type { TwentyField, TwentyObject } from './schema.ts'

/** Every row has them, also where the metadata does not list them. */
const ALWAYS = [
  'id',
  'createdAt',
  'updatedAt',
  'deletedAt',
  'createdBy',
  'updatedBy',
  'position',
  'searchVector',
] as const

/** Types whose values have no parts. What is in others, and in types that are yet to come, is not known. */
const WHOLE = new Set([
  'TEXT',
  'UUID',
  'NUMBER',
  'NUMERIC',
  'POSITION',
  'BOOLEAN',
  'DATE',
  'DATE_TIME',
  'SELECT',
  'RATING',
  'RELATION',
  'MORPH_RELATION',
])

/** Parts that are read and cannot be written. */
const ALSO_READ: Readonly<Record<string, readonly string[]>> = { ACTOR: ['context'] }

/** What a record of the object is, in events and in answers; undefined where that is not known to the last field. */
export function recordShape(object: TwentyObject): RecordShape | undefined {
  const isVague = [...object.columns.values()].some(field => field.type === 'MORPH_RELATION' && !field.target)
  if (!object.hidden || isVague) return undefined
  const of = `Twenty's ${object.name}`
  const fields = new Map<string, Shape | undefined>([...ALWAYS, ...object.hidden].map(name => [name, undefined]))
  for (const [column, field] of object.columns) fields.set(column, valueShape(column, field, of))
  return { of, fields, elsewhere: new Map([...object.fields.values()].flatMap(relatedTo)) }
}

function valueShape(column: string, { type }: TwentyField, of: string): Shape | undefined {
  const parts = COMPOSITES[type]
  if (!parts && !WHOLE.has(type)) return undefined
  const all = [...(parts ?? []), ...(ALSO_READ[type] ?? [])]
  return { of: `${of}.${column}`, fields: new Map(all.map(part => [part, undefined])) }
}

function relatedTo({ name, joinColumn, toMany }: TwentyField): [string, Elsewhere][] {
  if (toMany) return [[name, { why: 'related records are not part of a record; `find` reads them' }]]
  if (joinColumn === undefined || joinColumn === name) return []
  return [[name, { why: 'of a related record there is the id; `find` reads the rest', field: joinColumn }]]
}
