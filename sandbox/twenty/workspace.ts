import type { SandboxClock } from './clock.ts'
import type { Answer, SandboxRequest } from './http.ts'
import { present } from './rest/present.ts'
import { addView, type WantedView } from './rest/views.ts'
import type { ObjectMeta, Row } from './schema/types.ts'
import { Twenty } from './twenty.ts'
import { userEditor } from './user-edit.ts'
import type { Send } from './webhooks/send.ts'

export interface WorkspaceOptions {
  readonly apiKey: string
  readonly clock: SandboxClock
  readonly random: () => number
  readonly uuid: () => string
  /** Takes deliveries of webhooks. */
  readonly send: Send
}

/** A to-one relation of an object: what it leads to, and the column that holds the id. */
export interface Relation {
  readonly object: string
  readonly column: string
}

/** A workspace without a socket. Objects have the singular names that configs use. */
export interface Workspace {
  readonly objects: readonly string[]
  handle(request: SandboxRequest): Answer
  /** An object that is not there is made. @param spec a type, or what the metadata API takes: `{ type, options, isUnique }`. */
  addField(object: string, name: string, spec: unknown): void
  addMember(name: string, email: string): void
  addView(view: WantedView): void
  relations(object: string): Readonly<Record<string, Relation>>
  /** Without webhooks. */
  seed(object: string, values: Row): Row
  /** Records that are not deleted, as the API shows them, with what is related to them up to two steps away. */
  rows(object: string): Row[]
  /** Changes as a person makes them. @param by address of a member; default: the first. */
  create(object: string, values: Row, by?: string): void
  update(object: string, id: string, values: Row, by?: string): void
  delete(object: string, id: string, by?: string): void
}

/** For tests of configs. @throws Error from every method, for what Twenty would refuse. */
export function createWorkspace(options: WorkspaceOptions): Workspace {
  const { send, ...own } = options
  const twenty = new Twenty({ ...own, faults: { rateLimit: { enabled: false } } }, send)
  const { records, metadata } = twenty
  const { schema } = records
  const meta = (object: string): ObjectMeta => {
    const found = schema.bySingular(object)
    if (found) return found
    throw new Error(`there is no object "${object}"; there are ${names().join(', ')}`)
  }
  const names = () => schema.objects().map(({ nameSingular }) => nameSingular)
  const plural = (object: string) => meta(object).namePlural
  const editor = (by?: string) => {
    const members = [...records.table('workspaceMember').rows()]
    const member = by === undefined ? members[0] : members.find(({ userEmail }) => userEmail === by)
    if (!member) throw new Error(`nobody has the address "${by}" in this workspace`)
    return userEditor(twenty, String(member.id))
  }
  return {
    get objects() {
      return names()
    },
    handle: request => twenty.handle(request),
    addField(object, name, spec) {
      const field = typeof spec === 'string' ? { type: spec } : (spec as object)
      const owner =
        schema.bySingular(object) ?? metadata.editor.createObject({ nameSingular: object, namePlural: `${object}s` })
      metadata.editor.createField({ ...field, name, objectMetadataId: owner.id })
    },
    addMember(name, email) {
      const [firstName = '', ...rest] = name.split(' ')
      const member = { name: { firstName, lastName: rest.join(' ') }, userEmail: email, userId: own.uuid() }
      records.create(meta('workspaceMember'), [member], { kind: 'system' }, true)
    },
    addView: view => void addView(twenty, { ...view, object: plural(view.object) }),
    relations(object) {
      const toOne = meta(object).toOne.map(({ name, relation, settings }) => [
        name,
        { object: relation!.object, column: settings!.joinColumnName! },
      ])
      return Object.fromEntries(toOne)
    },
    seed: (object, values) => records.create(meta(object), [values], { kind: 'system' }, true)[0]!,
    rows(object) {
      const shown = meta(object)
      return [...records.table(object).rows()]
        .filter(({ deletedAt }) => deletedAt === null)
        .map(row => present(records, shown, row, { depth: 2 }))
    },
    create: (object, values, by) => void editor(by).create(plural(object), values),
    update: (object, id, values, by) => void editor(by).update(plural(object), id, values),
    delete: (object, id, by) => void editor(by).softDelete(plural(object), id),
  }
}
