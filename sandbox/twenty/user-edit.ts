import { badRequest, notFound } from './errors.ts'
import { asObject } from './http.ts'
import type { Row } from './schema/types.ts'
import type { Twenty } from './twenty.ts'

/** Changes as a person in the UI makes them: userId and workspaceMemberId in the webhooks, source MANUAL. */
export interface UserEditor {
  create(object: string, values: Row): Row
  update(object: string, id: string, values: Row): Row
  softDelete(object: string, id: string): Row
  restore(object: string, id: string): Row
  destroy(object: string, id: string): Row
}

/** @param object plural names, as in the REST API. */
export function userEditor(twenty: Twenty, workspaceMemberId: string): UserEditor {
  const caller = twenty.user(workspaceMemberId)
  const { records } = twenty
  const meta = (object: string) => records.schema.required(object)
  const any = (object: string, id: string): Row => {
    const row = records.table(meta(object).nameSingular).get(id)
    if (!row) throw notFound()
    return row
  }
  return {
    create: (object, values) => records.create(meta(object), [values], caller)[0]!,
    update: (object, id, values) => records.update(meta(object), id, values, caller),
    softDelete: (object, id) => records.softDelete(meta(object), [records.live(meta(object), id)], caller)[0]!,
    restore: (object, id) => records.restore(meta(object), [any(object, id)], caller)[0]!,
    destroy: (object, id) => records.destroy(meta(object), [any(object, id)], caller)[0]!,
  }
}

/** `{as?, action?, object, id?, values?}`; `as` is a member's id or e-mail, by default the first member. */
export function edit(twenty: Twenty, input: unknown): Row {
  const { as, action = 'update', object, id, values = {} } = asObject(input)
  if (typeof object !== 'string') throw badRequest('edit takes {as?, action?, object, id?, values?}')
  const editor = userEditor(twenty, memberId(twenty, as))
  if (action === 'create') return editor.create(object, values as Row)
  if (typeof id !== 'string') throw badRequest(`edit with action ${String(action)} needs an id`)
  if (action === 'update') return editor.update(object, id, values as Row)
  if (action === 'softDelete' || action === 'delete') return editor.softDelete(object, id)
  if (action === 'restore') return editor.restore(object, id)
  if (action === 'destroy') return editor.destroy(object, id)
  throw badRequest(`No action '${String(action)}'; there are create, update, softDelete, restore, destroy`)
}

function memberId(twenty: Twenty, as: unknown): string {
  const members = [...twenty.records.table('workspaceMember').rows()]
  const member = as === undefined ? members[0] : members.find(row => row.id === as || row.userEmail === as)
  if (!member) throw badRequest(`No workspace member ${String(as)}`)
  return String(member.id)
}
