import type { Caller } from './caller.ts'
import { asObject } from './http.ts'
import type { Records } from './records/records.ts'
import { describeField, describeObject } from './schema/describe.ts'
import { SchemaEditor } from './schema/edit.ts'
import type { MetadataEvent } from './webhooks/payload.ts'

type Kind = 'object' | 'field'

/** The data model's changes with their events; shared by the REST and the GraphQL API. */
export class Metadata {
  readonly #records: Records
  readonly editor: SchemaEditor
  readonly #changed: (event: MetadataEvent, caller: Caller) => void

  constructor(records: Records, now: () => string, changed: (event: MetadataEvent, caller: Caller) => void) {
    this.#records = records
    this.editor = new SchemaEditor(records, now)
    this.#changed = changed
  }

  create(kind: Kind, input: unknown, caller: Caller) {
    const fields = asObject(input)
    const item =
      kind === 'object'
        ? this.describe('object', this.editor.createObject(fields).id)
        : this.describe('field', this.editor.createField(fields).id)
    this.#tell(kind, 'created', item, caller)
    return item
  }

  update(kind: Kind, id: string, input: unknown, caller: Caller) {
    const fields = asObject(input)
    if (kind === 'object') this.editor.updateObject(id, fields)
    else this.editor.updateField(id, fields)
    const item = this.describe(kind, id)
    this.#tell(kind, 'updated', item, caller)
    return item
  }

  /** The id of what is gone. */
  delete(kind: Kind, id: string, caller: Caller): string {
    const item = kind === 'object' ? this.editor.deleteObject(id) : this.editor.deleteField(id)
    this.#tell(kind, 'deleted', { id: item.id, name: 'name' in item ? item.name : item.nameSingular }, caller)
    return item.id
  }

  describe(kind: Kind, id: string): Record<string, unknown> & { id: string } {
    const { schema } = this.#records
    return kind === 'object'
      ? describeObject(schema, this.editor.objectById(id))
      : describeField(schema, schema.fieldById(id.toLowerCase())!.field)
  }

  #tell(
    kind: Kind,
    operation: MetadataEvent['operation'],
    item: Readonly<Record<string, unknown>>,
    caller: Caller,
  ): void {
    const metadataName = kind === 'object' ? 'objectMetadata' : 'fieldMetadata'
    const image = operation === 'deleted' ? { before: item } : { after: item }
    const event = { type: operation, metadataName, recordId: item.id, properties: image }
    this.#changed({ metadataName, operation, event }, caller)
  }
}
