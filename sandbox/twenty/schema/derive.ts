import { createHash } from 'node:crypto'
import { uniquePathsOf } from './composites.ts'
import { type Field, isRelation, type ObjectMeta, type UniqueIndex } from './types.ts'

/** Recomputes the look-ups of an object after its fields changed. */
export function derive(object: ObjectMeta): void {
  const fieldByName = new Map<string, Field>()
  const columns = new Map<string, Field>()
  const toOne: Field[] = []
  const toMany: Field[] = []
  for (const field of object.fields) {
    fieldByName.set(field.name, field)
    if (!isRelation(field)) columns.set(field.name, field)
    else if (field.settings?.relationType === 'MANY_TO_ONE') {
      toOne.push(field)
      columns.set(field.settings.joinColumnName!, field)
    } else toMany.push(field)
  }
  object.fieldByName = fieldByName
  object.columns = columns
  object.toOne = toOne
  object.toMany = toMany
  object.uniqueIndexes = [...object.fields.filter(unique).map(field => indexOf(object, field)), ...object.groups]
}

function unique(field: Field): boolean {
  return field.isUnique && field.name !== 'id' && !isRelation(field)
}

function indexOf(object: ObjectMeta, field: Field): UniqueIndex {
  return uniqueIndex(object.nameSingular, uniquePathsOf(field.type, field.name))
}

export function uniqueIndex(object: string, paths: readonly (readonly string[])[]): UniqueIndex {
  const hash = createHash('sha256')
    .update(`${object}:${paths.map(path => path.join('.')).join(',')}`)
    .digest('hex')
  return { name: `IDX_UNIQUE_${hash.slice(0, 27)}`, paths }
}
