import { badRequest } from '../errors.ts'
import { stableId } from '../ids.ts'
import { derive, uniqueIndex } from './derive.ts'
import {
  capital,
  type FieldSpec,
  type ObjectSpec,
  type SchemaOptions,
  SYSTEM_FIELDS,
  standardObjects,
} from './standard-objects.ts'
import { type Field, isRelation, type ObjectMeta } from './types.ts'

/** The workspace's objects and fields. Changes come from the metadata API alone. */
export class Schema {
  readonly #objects = new Map<string, ObjectMeta>()
  readonly #byPlural = new Map<string, ObjectMeta>()
  readonly options: SchemaOptions

  /** @param now time of creation of the standard objects, ISO. */
  constructor(options: SchemaOptions, now: string) {
    this.options = options
    const specs = standardObjects(options)
    for (const spec of specs) this.add(newObject(spec, now))
    for (const spec of specs) {
      const object = this.bySingular(spec.singular)!
      for (const field of spec.fields) this.addField(object, field, now, false)
      object.groups.push(
        ...(spec.uniqueTogether ?? []).map(names =>
          uniqueIndex(
            spec.singular,
            names.map(n => [n]),
          ),
        ),
      )
    }
    for (const object of this.objects()) derive(object)
  }

  objects(): ObjectMeta[] {
    return [...this.#objects.values()]
  }

  bySingular(name: string): ObjectMeta | undefined {
    return this.#objects.get(name)
  }

  byPlural(name: string): ObjectMeta | undefined {
    return this.#byPlural.get(name)
  }

  /** @throws TwentyError 400 with a hint when the name is unknown or the singular. */
  required(plural: string): ObjectMeta {
    const object = this.#byPlural.get(plural)
    if (object?.isActive) return object
    const singular = this.#objects.get(plural)
    const hint = singular ? `Did you mean '${singular.namePlural}'?` : 'eg: companies'
    throw badRequest(`object '${plural}' not found. ${hint}`)
  }

  add(object: ObjectMeta): void {
    this.#objects.set(object.nameSingular, object)
    this.#byPlural.set(object.namePlural, object)
  }

  remove(object: ObjectMeta): void {
    this.#objects.delete(object.nameSingular)
    this.#byPlural.delete(object.namePlural)
    for (const other of this.objects()) {
      const left = other.fields.filter(field => field.relation?.object !== object.nameSingular)
      if (left.length === other.fields.length) continue
      other.fields.splice(0, other.fields.length, ...left)
      derive(other)
    }
  }

  /** Adds the field, and for a relation its other end too. */
  addField(object: ObjectMeta, spec: FieldSpec, now: string, isCustom: boolean): Field {
    const field = newField(object, spec, now, isCustom)
    object.fields.push(field)
    const target = spec.to === undefined ? undefined : this.bySingular(spec.to)
    if (target && spec.inverse) {
      if (!target.fields.some(other => other.name === spec.inverse))
        target.fields.push(inverseField(target, object, spec, now, isCustom))
      derive(target)
    }
    derive(object)
    return field
  }

  removeField(object: ObjectMeta, field: Field): void {
    object.fields.splice(object.fields.indexOf(field), 1)
    derive(object)
    const target = field.relation === null ? undefined : this.bySingular(field.relation.object)
    const other = target?.fields.find(
      inverse => inverse.name === field.relation!.field && inverse.relation?.object === object.nameSingular,
    )
    if (!target || !other) return
    target.fields.splice(target.fields.indexOf(other), 1)
    derive(target)
  }

  fieldById(id: string): { object: ObjectMeta; field: Field } | undefined {
    for (const object of this.objects())
      for (const field of object.fields) if (field.id === id) return { object, field }
    return undefined
  }
}

export function newObject(spec: ObjectSpec, now: string, isCustom = false): ObjectMeta {
  const object: ObjectMeta = {
    id: stableId('object', spec.singular),
    nameSingular: spec.singular,
    namePlural: spec.plural,
    labelSingular: labelOf(spec.singular),
    labelPlural: labelOf(spec.plural),
    description: null,
    icon: null,
    isCustom,
    isActive: true,
    isSystem: spec.system ?? false,
    createdAt: now,
    updatedAt: now,
    fields: [],
    groups: [],
    duplicateRules: (spec.duplicates ?? []).map(rule => rule.map(path => path.split('.'))),
    fieldByName: new Map(),
    columns: new Map(),
    uniqueIndexes: [],
    toOne: [],
    toMany: [],
  }
  for (const system of SYSTEM_FIELDS) object.fields.push(newField(object, system, now, false, true))
  return object
}

export function labelOf(name: string): string {
  return capital(name.replaceAll(/([A-Z])/g, letter => ` ${letter.toLowerCase()}`))
}

function newField(object: ObjectMeta, spec: FieldSpec, now: string, isCustom: boolean, isSystem = false): Field {
  const field: Field = {
    id: stableId('field', object.nameSingular, spec.name),
    objectName: object.nameSingular,
    type: spec.type,
    name: spec.name,
    label: labelOf(spec.name),
    description: null,
    icon: null,
    isCustom,
    isActive: true,
    isSystem,
    isNullable: spec.nullable ?? true,
    isUnique: spec.unique ?? false,
    defaultValue: spec.defaultValue ?? null,
    options: spec.options ? optionsOf(object, spec) : null,
    settings: spec.maxValues ? { maxNumberOfValues: spec.maxValues } : null,
    relation: null,
    createdAt: now,
    updatedAt: now,
  }
  if (spec.domain) field.settings = { ...field.settings, linkKind: 'domain' }
  if (isRelation(field)) {
    field.relation = { object: spec.to!, field: spec.inverse! }
    field.settings = {
      relationType: 'MANY_TO_ONE',
      onDelete: spec.onDelete ?? 'SET_NULL',
      joinColumnName: spec.column ?? `${spec.name}Id`,
    }
  }
  return field
}

function inverseField(target: ObjectMeta, object: ObjectMeta, spec: FieldSpec, now: string, isCustom: boolean): Field {
  return {
    ...newField(target, { name: spec.inverse!, type: 'TEXT' }, now, isCustom),
    type: 'RELATION',
    relation: { object: object.nameSingular, field: spec.name },
    settings: { relationType: 'ONE_TO_MANY' },
  }
}

const COLORS = ['red', 'purple', 'sky', 'turquoise', 'yellow', 'green', 'orange', 'gray'] as const

function optionsOf(object: ObjectMeta, spec: FieldSpec): Field['options'] {
  return spec.options!.map((value, position) => ({
    id: stableId('option', object.nameSingular, spec.name, value),
    value,
    label: capital(value.toLowerCase().replaceAll('_', ' ')),
    color: COLORS[position % COLORS.length]!,
    position,
  }))
}
