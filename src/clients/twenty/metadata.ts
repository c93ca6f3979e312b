import type { Fields } from '../../event.ts'
import type { ObjectData, TwentyField } from './schema.ts'

/** Unique by the standard data model, for servers whose REST metadata leaves `isUnique` out. */
const STANDARD_UNIQUE = new Set(['person.emails', 'company.domainName'])

/** Rows of a REST list, whichever of its envelopes the server version uses. */
export function listed(body: unknown, name: string): Fields[] {
  if (Array.isArray(body)) return body.filter(isFields)
  if (!isFields(body)) return []
  if (Array.isArray(body.edges))
    return body.edges.flatMap(edge => (isFields(edge) && isFields(edge.node) ? [edge.node] : []))
  if (name in body) return listed(body[name], name)
  return 'data' in body ? listed(body.data, name) : []
}

/** What the sync needs of the workspace's data model, out of `/rest/metadata/objects`. Inactive parts are left out. */
export function objectsFrom(objects: readonly Fields[], fields: readonly Fields[]): ObjectData[] {
  return objects
    .filter(object => isActive(object) && typeof object.nameSingular === 'string')
    .map(object => {
      const name = String(object.nameSingular)
      const inline = listed(object.fields ?? object.fieldsList, 'fields')
      const own = inline.length > 0 ? inline : fields.filter(field => field.objectMetadataId === object.id)
      return {
        ...idOf(object),
        name,
        plural: String(object.namePlural),
        fields: own.filter(isActive).flatMap(field => fieldsFrom(name, field)),
        hidden: own
          .filter(field => !isActive(field))
          .flatMap(field => fieldsFrom(name, field))
          .flatMap(field => [field.name, ...(field.joinColumn === undefined ? [] : [field.joinColumn])]),
      }
    })
}

function isActive(part: Fields): boolean {
  return part.isActive !== false
}

function fieldsFrom(object: string, raw: Fields): TwentyField[] {
  const name = String(raw.name)
  const type = typeOf(raw, name)
  const morphs = listed(raw.morphRelations, 'morphRelations')
  if (type === 'MORPH_RELATION' && morphs.length > 0)
    return morphs.flatMap(morph => morphField(name, morph)).map(field => ({ ...idOf(raw), ...field }))
  const settings = isFields(raw.settings) ? raw.settings : {}
  const unique = raw.isUnique === undefined ? STANDARD_UNIQUE.has(`${object}.${name}`) : raw.isUnique === true
  return [
    {
      ...idOf(raw),
      name,
      type,
      unique,
      ...optionsOf(raw),
      ...relationOf(raw, settings, name, type),
      ...(type === 'LINKS' && isDomain(object, name, settings) && { domain: true }),
    },
  ]
}

function idOf(raw: Fields): { id?: string } {
  return typeof raw.id === 'string' ? { id: raw.id } : {}
}

/** Rich text was `RICH_TEXT_V2` while `RICH_TEXT` was still the name of the plain text in `body`. */
function typeOf(raw: Fields, name: string): string {
  if (raw.type === 'RICH_TEXT_V2') return 'RICH_TEXT'
  if (raw.type === 'RICH_TEXT' && name === 'body') return 'TEXT'
  return String(raw.type)
}

/** One metadata field stands for a column per target: `target` of a note for `targetPersonId`, `targetCompanyId`, … */
function morphField(name: string, morph: Fields): TwentyField[] {
  const target = isFields(morph.targetObjectMetadata) ? morph.targetObjectMetadata.nameSingular : undefined
  if (typeof target !== 'string' || target === '') return []
  const suffix = target[0]!.toUpperCase() + target.slice(1)
  const column = name.endsWith(suffix) ? name : name + suffix
  return [{ name: column, type: 'MORPH_RELATION', unique: false, joinColumn: `${column}Id`, target }]
}

function optionsOf(raw: Fields): Pick<TwentyField, 'options'> {
  if (!Array.isArray(raw.options) || raw.options.length === 0) return {}
  return { options: raw.options.filter(isFields).map(option => String(option.value)) }
}

function relationOf(
  raw: Fields,
  settings: Fields,
  name: string,
  type: string,
): Pick<TwentyField, 'joinColumn' | 'target' | 'toMany'> {
  if (type !== 'RELATION' && type !== 'MORPH_RELATION') return {}
  const relation = isFields(raw.relation) ? raw.relation : {}
  const kind = String(settings.relationType ?? relation.type ?? 'MANY_TO_ONE')
  if (kind.startsWith('ONE_TO_MANY') || kind === 'MANY_TO_MANY') return { toMany: true }
  const target = isFields(relation.targetObjectMetadata) ? relation.targetObjectMetadata.nameSingular : undefined
  return {
    joinColumn: typeof settings.joinColumnName === 'string' ? settings.joinColumnName : `${name}Id`,
    ...(typeof target === 'string' && { target }),
  }
}

function isDomain(object: string, name: string, settings: Fields): boolean {
  return (object === 'company' && name === 'domainName') || settings.kind === 'domain'
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
