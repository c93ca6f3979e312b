import { stableId } from '../ids.ts'
import type { Schema } from './schema.ts'
import type { Field, ObjectMeta } from './types.ts'

/** An object as the metadata API shows it, fields included. */
export function describeObject(schema: Schema, object: ObjectMeta) {
  return {
    id: object.id,
    dataSourceId: stableId('dataSource'),
    nameSingular: object.nameSingular,
    namePlural: object.namePlural,
    labelSingular: object.labelSingular,
    labelPlural: object.labelPlural,
    description: object.description,
    icon: object.icon,
    isCustom: object.isCustom,
    isRemote: false,
    isActive: object.isActive,
    isSystem: object.isSystem,
    isSearchable: !object.isSystem,
    isLabelSyncedWithName: false,
    createdAt: object.createdAt,
    updatedAt: object.updatedAt,
    labelIdentifierFieldMetadataId: labelField(object)?.id ?? null,
    imageIdentifierFieldMetadataId: null,
    duplicateCriteria: object.duplicateRules.map(rule =>
      rule.map(([first, ...rest]) => first + rest.map(part => part.charAt(0).toUpperCase() + part.slice(1)).join('')),
    ),
    fields: object.fields.map(field => describeField(schema, field)),
    indexMetadatas: object.uniqueIndexes.map(index => ({
      id: stableId('index', index.name),
      name: index.name,
      isUnique: true,
      indexType: 'BTREE',
      indexFieldMetadatas: index.paths.map((path, order) => ({
        fieldMetadataId: object.columns.get(path[0]!)?.id,
        subFieldName: path[1] ?? null,
        order,
      })),
    })),
  }
}

function labelField(object: ObjectMeta): Field | undefined {
  return object.fieldByName.get('name') ?? object.fieldByName.get('title')
}

export function describeField(schema: Schema, field: Field) {
  const relation = field.relation ? relationOf(schema, field) : null
  return {
    id: field.id,
    objectMetadataId: schema.bySingular(field.objectName)!.id,
    type: field.type,
    name: field.name,
    label: field.label,
    description: field.description,
    icon: field.icon,
    isCustom: field.isCustom,
    isActive: field.isActive,
    isSystem: field.isSystem,
    isNullable: field.isNullable,
    isUnique: field.isUnique,
    isLabelSyncedWithName: false,
    defaultValue: field.defaultValue,
    options: field.options,
    settings: field.settings,
    relation,
    morphRelations: field.type === 'MORPH_RELATION' && relation ? [relation] : null,
    createdAt: field.createdAt,
    updatedAt: field.updatedAt,
  }
}

function relationOf(schema: Schema, field: Field) {
  const source = schema.bySingular(field.objectName)!
  const target = schema.bySingular(field.relation!.object)
  const other = target?.fieldByName.get(field.relation!.field)
  return {
    type: field.settings?.relationType,
    sourceObjectMetadata: names(source),
    targetObjectMetadata: target ? names(target) : null,
    sourceFieldMetadata: { id: field.id, name: field.name },
    targetFieldMetadata: other ? { id: other.id, name: other.name } : null,
  }
}

function names(object: ObjectMeta) {
  return { id: object.id, nameSingular: object.nameSingular, namePlural: object.namePlural }
}
