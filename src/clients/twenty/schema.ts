import { SyncError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import { COMPOSITES, MAIN_SUB_FIELD } from './composites.ts'

/** A field as the workspace defines it; JSON, since it is cached in the state. */
export interface TwentyField {
  /** Of the field in the metadata, by which views name it; all columns of a morph relation share one. */
  readonly id?: string
  readonly name: string
  /** `TEXT`, `EMAILS`, `RELATION`, … */
  readonly type: string
  readonly unique: boolean
  /** Values of a SELECT or MULTI_SELECT. */
  readonly options?: readonly string[]
  /** Many-to-one relation: the key of the row that holds the other record's id, and that record's object. */
  readonly joinColumn?: string
  readonly target?: string
  /** The other end of relations: not part of a row. */
  readonly toMany?: boolean
  /** LINKS that the server reduces to a bare host. */
  readonly domain?: boolean
}

export interface ObjectData {
  /** Of the object in the metadata. */
  readonly id?: string
  readonly name: string
  readonly plural: string
  readonly fields: readonly TwentyField[]
  /** Columns of inactive fields: webhooks still carry them, and nothing is written to them. */
  readonly hidden?: readonly string[]
}

/** Where a dotted path leads in a row. */
export interface FieldPath {
  /** As the REST filter writes it: `emails.primaryEmail`, `companyId`. */
  readonly path: string
  /** Key of the row. */
  readonly column: string
  readonly sub?: string
  readonly field: TwentyField
}

export class TwentyObject {
  /** Absent where the field list was kept by a version that did not read it. */
  readonly id: string | undefined
  readonly name: string
  readonly plural: string
  /** Absent where the field list was kept by a version that did not read it. */
  readonly hidden: readonly string[] | undefined
  readonly fields: ReadonlyMap<string, TwentyField>
  /** Keys of a row: the fields' names, and the join columns of relations. */
  readonly columns: ReadonlyMap<string, TwentyField>

  constructor(data: ObjectData) {
    this.id = data.id
    this.name = data.name
    this.plural = data.plural
    this.hidden = data.hidden
    this.fields = new Map(data.fields.map(field => [field.name, field]))
    this.columns = new Map(
      data.fields.filter(field => !field.toMany).map(field => [field.joinColumn ?? field.name, field]),
    )
  }

  /** The key of the row for a field's name or a relation's name. @throws SyncError rejected `UNKNOWN_FIELD`. */
  column(name: string): { column: string; field: TwentyField } {
    const field = this.columns.get(name)
    if (field) return { column: name, field }
    const relation = this.fields.get(name)
    if (relation?.joinColumn) return { column: relation.joinColumn, field: relation }
    throw unknownField(this, name, this.columns.keys())
  }

  /** @throws SyncError rejected `UNKNOWN_FIELD` with the nearest name. */
  resolve(path: string): FieldPath {
    const [name = '', sub, ...rest] = path.split('.')
    const { column, field } = this.column(name)
    const subs = COMPOSITES[field.type]
    if (rest.length > 0 || (sub !== undefined && !subs)) throw unknownField(this, path, this.columns.keys())
    if (!subs) return { path: column, column, field }
    const chosen = sub ?? MAIN_SUB_FIELD[field.type]
    if (chosen === undefined || !subs.includes(chosen)) {
      throw unknownField(
        this,
        path,
        subs.map(known => `${name}.${known}`),
      )
    }
    return { path: `${column}.${chosen}`, column, sub: chosen, field }
  }

  /** Paths that no two rows may share, beside the id. */
  get uniquePaths(): FieldPath[] {
    return [...this.fields.values()]
      .filter(field => field.unique && !field.toMany && field.name !== 'id')
      .map(field => this.resolve(field.name))
  }
}

/** The objects of a workspace, by their singular name. */
export class TwentySchema {
  readonly objects: ReadonlyMap<string, TwentyObject>

  constructor(data: readonly ObjectData[]) {
    this.objects = new Map(data.map(object => [object.name, new TwentyObject(object)]))
  }

  /** @throws SyncError rejected `UNKNOWN_OBJECT` with the nearest name. */
  object(name: string): TwentyObject {
    const object = this.objects.get(name)
    if (object) return object
    const similar = this.suggestion(name)
    const hint = similar ? `; did you mean "${similar}"?` : ''
    throw new SyncError('rejected', 'UNKNOWN_OBJECT', `Twenty has no object "${name}"${hint}`)
  }

  /** The object most likely meant: people often write the plural. */
  suggestion(name: string): string | undefined {
    for (const object of this.objects.values())
      if (object.plural.toLowerCase() === name.toLowerCase()) return object.name
    return nearest(name, this.objects.keys())
  }
}

function unknownField(object: TwentyObject, name: string, candidates: Iterable<string>): SyncError {
  const similar = nearest(name, candidates)
  const hint = similar ? `; did you mean "${similar}"?` : ''
  return new SyncError('rejected', 'UNKNOWN_FIELD', `Twenty's ${object.name} has no field "${name}"${hint}`, {
    details: similar ? { suggestion: similar } : undefined,
  })
}
