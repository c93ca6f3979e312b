export const FIELD_TYPES = [
  'ACTOR',
  'ADDRESS',
  'ARRAY',
  'BOOLEAN',
  'CURRENCY',
  'DATE',
  'DATE_TIME',
  'EMAILS',
  'FILES',
  'FULL_NAME',
  'LINKS',
  'MORPH_RELATION',
  'MULTI_SELECT',
  'NUMBER',
  'NUMERIC',
  'PHONES',
  'POSITION',
  'RATING',
  'RAW_JSON',
  'RELATION',
  'RICH_TEXT',
  'SELECT',
  'TEXT',
  'TS_VECTOR',
  'UUID',
] as const

export type FieldType = (typeof FIELD_TYPES)[number]

/** A row as it is stored: one key per column, composites nested, to-one relations as foreign keys. */
export type Row = Readonly<Record<string, unknown>>

export interface FieldOption {
  readonly id: string
  readonly value: string
  readonly label: string
  readonly color: string
  readonly position: number
}

export interface FieldSettings {
  relationType?: 'MANY_TO_ONE' | 'ONE_TO_MANY'
  joinColumnName?: string
  onDelete?: 'SET_NULL' | 'CASCADE'
  maxNumberOfValues?: number
  linkKind?: 'domain'
  [other: string]: unknown
}

export interface Field {
  readonly id: string
  readonly objectName: string
  type: FieldType
  name: string
  label: string
  description: string | null
  icon: string | null
  isCustom: boolean
  isActive: boolean
  isSystem: boolean
  isNullable: boolean
  isUnique: boolean
  defaultValue: unknown
  options: FieldOption[] | null
  settings: FieldSettings | null
  /** The other end of a relation, by names. */
  relation: { readonly object: string; readonly field: string } | null
  readonly createdAt: string
  updatedAt: string
}

/** Paths of the values that must be unique together, such as `[['emails', 'primaryEmail']]`. */
export interface UniqueIndex {
  readonly name: string
  readonly paths: readonly (readonly string[])[]
}

export interface ObjectMeta {
  readonly id: string
  nameSingular: string
  namePlural: string
  labelSingular: string
  labelPlural: string
  description: string | null
  icon: string | null
  isCustom: boolean
  isActive: boolean
  isSystem: boolean
  readonly createdAt: string
  updatedAt: string
  readonly fields: Field[]
  /** Unique over several columns; those over one field follow from `isUnique`. */
  readonly groups: UniqueIndex[]
  /** Rules by which two rows count as duplicates: all paths of one rule are equal. */
  readonly duplicateRules: readonly (readonly (readonly string[])[])[]

  // Derived from the above by `derive`.
  fieldByName: ReadonlyMap<string, Field>
  /** Column name to its field; a to-one relation's column is its foreign key. */
  columns: ReadonlyMap<string, Field>
  uniqueIndexes: readonly UniqueIndex[]
  toOne: readonly Field[]
  toMany: readonly Field[]
}

export function isRelation(field: Field): boolean {
  return field.type === 'RELATION' || field.type === 'MORPH_RELATION'
}

/** The value at a path of a row; null when any part is absent. */
export function valueAt(row: Row, path: readonly string[]): unknown {
  let value: unknown = row
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return null
    value = (value as Record<string, unknown>)[key]
  }
  return value ?? null
}
