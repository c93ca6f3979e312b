import { randomUUID } from 'node:crypto'
import { badRequest, notFound } from '../errors.ts'
import { columnDefault } from '../records/new-row.ts'
import type { Records } from '../records/records.ts'
import { derive } from './derive.ts'
import { checkName } from './names.ts'
import { labelOf, newObject } from './schema.ts'
import { capital, TARGET_OWNERS } from './standard-objects.ts'
import { FIELD_TYPES, type Field, type FieldOption, type FieldType, type ObjectMeta } from './types.ts'

type Input = Readonly<Record<string, unknown>>

/** Changes of the data model, as the metadata API offers them. Each throws a TwentyError 400 for bad input. */
export class SchemaEditor {
  readonly #records: Records
  readonly #now: () => string

  constructor(records: Records, now: () => string) {
    this.#records = records
    this.#now = now
  }

  get #schema() {
    return this.#records.schema
  }

  createObject(input: Input): ObjectMeta {
    const singular = checkName(input.nameSingular, 'nameSingular')
    const plural = checkName(input.namePlural, 'namePlural')
    if (singular === plural) throw badRequest('The singular and plural names cannot be the same for an object')
    if (this.#schema.objects().some(object => object.nameSingular === singular || object.namePlural === plural))
      throw badRequest(`Object already exists: ${singular}`)
    const object = newObject({ singular, plural, fields: [] }, this.#now(), true)
    Object.assign(object, {
      labelSingular: textOr(input.labelSingular, labelOf(singular)),
      labelPlural: textOr(input.labelPlural, labelOf(plural)),
      description: textOr(input.description, null),
      icon: textOr(input.icon, null),
    })
    derive(object)
    this.#schema.add(object)
    if (input.skipNameField !== true) this.#schema.addField(object, { name: 'name', type: 'TEXT' }, this.#now(), false)
    for (const { object: owner, plural: inverse } of TARGET_OWNERS) this.#addTarget(owner, object, inverse)
    return object
  }

  /** Notes, tasks and attachments can point to custom objects too: `target<Object>Id`. */
  #addTarget(owner: string, object: ObjectMeta, inverse: string): void {
    const older = this.#schema.options.targetColumns === 'personId'
    const name = older ? object.nameSingular : `target${capital(object.nameSingular)}`
    const type = older ? 'RELATION' : 'MORPH_RELATION'
    const spec = { name, type, to: object.nameSingular, inverse, onDelete: 'CASCADE' } as const
    this.#schema.addField(this.#schema.bySingular(owner)!, spec, this.#now(), true)
  }

  updateObject(id: string, input: Input): ObjectMeta {
    const object = this.objectById(id)
    for (const name of ['labelSingular', 'labelPlural', 'description', 'icon', 'isActive'] as const)
      if (input[name] !== undefined) Object.assign(object, { [name]: input[name] })
    object.updatedAt = this.#now()
    return object
  }

  deleteObject(id: string): ObjectMeta {
    const object = this.objectById(id)
    if (!object.isCustom) throw badRequest('Standard objects cannot be deleted')
    this.#schema.remove(object)
    this.#records.dropTable(object.nameSingular)
    return object
  }

  objectById(id: unknown): ObjectMeta {
    const object = this.#schema.objects().find(each => each.id === String(id).toLowerCase())
    if (!object) throw notFound('Object not found')
    return object
  }

  createField(input: Input): Field {
    const object = this.#schema.objects().find(each => each.id === String(input.objectMetadataId).toLowerCase())
    if (!object) throw badRequest('Object not found for objectMetadataId')
    const name = checkName(input.name, 'name')
    const type = input.type as FieldType
    if (!FIELD_TYPES.includes(type)) throw badRequest(`Unknown field type "${String(input.type)}"`)
    if (object.fieldByName.has(name) || object.columns.has(name))
      throw badRequest(`Name "${name}" is not available, check that it is not duplicating another field's name.`)
    if (type === 'RELATION' || type === 'MORPH_RELATION') return this.#createRelation(object, name, type, input)
    const field = this.#schema.addField(object, { name, type }, this.#now(), true)
    describe(field, input)
    field.isNullable = input.isNullable !== false
    field.isUnique = input.isUnique === true
    field.defaultValue = input.defaultValue ?? null
    field.settings = (input.settings as Field['settings'] | undefined) ?? null
    if (type === 'SELECT' || type === 'MULTI_SELECT') field.options = optionsOf(input.options)
    if (type === 'RATING') field.options = optionsOf([1, 2, 3, 4, 5].map(rank => `RATING_${rank}`))
    this.#changed(object)
    return field
  }

  #createRelation(object: ObjectMeta, name: string, type: 'RELATION' | 'MORPH_RELATION', input: Input): Field {
    const payload = input.relationCreationPayload as Input | undefined
    const target = this.objectById(payload?.targetObjectMetadataId)
    const inverse = camel(textOr(payload?.targetFieldLabel, object.labelPlural)!)
    const many = payload?.type === 'ONE_TO_MANY'
    const field = many
      ? this.#schema.addField(
          target,
          { name: inverse, type, to: object.nameSingular, inverse: name },
          this.#now(),
          true,
        )
      : this.#schema.addField(object, { name, type, to: target.nameSingular, inverse }, this.#now(), true)
    const made = many ? object.fieldByName.get(name)! : field
    describe(made, input)
    this.#changed(many ? target : object)
    return made
  }

  updateField(id: string, input: Input): Field {
    const found = this.#schema.fieldById(id.toLowerCase())
    // The real server answers 400 here, but 404 for an unknown object.
    if (!found) throw badRequest('Field not found')
    const { field, object } = found
    describe(field, input)
    for (const name of ['isActive', 'isUnique', 'defaultValue', 'settings'] as const)
      if (input[name] !== undefined) Object.assign(field, { [name]: input[name] })
    if (input.options !== undefined) field.options = optionsOf(input.options)
    field.updatedAt = this.#now()
    this.#changed(object)
    return field
  }

  deleteField(id: string): Field {
    const found = this.#schema.fieldById(id.toLowerCase())
    if (!found) throw notFound('Field not found')
    if (!found.field.isCustom) throw badRequest('Standard fields cannot be deleted')
    this.#schema.removeField(found.object, found.field)
    this.#changed(found.object)
    return found.field
  }

  createIndex(input: Input): { id: string; name: string } {
    const object = this.objectById(input.objectMetadataId)
    return { id: randomUUID(), name: `IDX_${object.nameSingular}` }
  }

  /** Gives old rows the columns that they now have, and builds the indexes again. */
  #changed(object: ObjectMeta): void {
    derive(object)
    const table = this.#records.table(object.nameSingular)
    for (const row of [...table.rows()]) {
      const known = Object.entries(row).filter(([column]) => object.columns.has(column))
      const columns = Object.fromEntries(known)
      for (const [column, field] of object.columns)
        if (!(column in row) && field.isCustom) columns[column] = columnDefault(field, column, this.#records.versions)
      table.put(columns)
    }
    table.reindex()
  }
}

function describe(field: Field, input: Input): void {
  for (const name of ['label', 'description', 'icon'] as const)
    if (typeof input[name] === 'string') Object.assign(field, { [name]: input[name] })
}

function optionsOf(input: unknown): FieldOption[] {
  if (!Array.isArray(input) || input.length === 0) throw badRequest('Options are required for this field type')
  return input.map((option: unknown, position) => {
    const given: Input = typeof option === 'string' ? { value: option } : (option as Input)
    const value = String(given.value ?? '')
    if (!/^[A-Z_][A-Z0-9_]*$/.test(value)) throw badRequest(`Option value "${value}" must be in UPPER_CASE`)
    return {
      id: textOr(given.id, null) ?? randomUUID(),
      value,
      label: textOr(given.label, value)!,
      color: textOr(given.color, 'gray')!,
      position: typeof given.position === 'number' ? given.position : position,
    }
  })
}

function textOr<T>(value: unknown, fallback: T): string | T {
  return typeof value === 'string' && value !== '' ? value : fallback
}

function camel(label: string): string {
  const words = label.split(/[^a-zA-Z0-9]+/).filter(Boolean)
  return words.map((word, at) => (at === 0 ? word.charAt(0).toLowerCase() + word.slice(1) : capital(word))).join('')
}
