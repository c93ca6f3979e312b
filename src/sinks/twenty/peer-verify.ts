import { COMPOSITES } from '../../clients/twenty/composites.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import type { TwentyField, TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import { asSyncError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import type { Peer } from '../../sync/peer.ts'

type Use = Parameters<Peer['verify']>[0][number]

interface Fault {
  readonly use: Use
  readonly message: string
  readonly suggestion?: string
}

/** Stamped by the server on its own. */
const STAMPED = new Set(['id', 'createdAt', 'updatedAt', 'deletedAt', 'createdBy', 'updatedBy'])
const COMPUTED = new Set(['ACTOR', 'TS_VECTOR'])

export function faultsOf(uses: readonly Use[], name: string, schema: TwentySchema): Fault[] {
  const object = schema.objects.get(name)
  if (object) return uses.flatMap(use => faultOf(use, object))
  const [first] = uses
  const suggestion = schema.suggestion(name)
  return first ? [{ use: first, message: `Twenty has no object "${name}"`, ...(suggestion && { suggestion }) }] : []
}

function faultOf(use: Use, object: TwentyObject): Fault[] {
  const [name = '', sub] = use.path.split('.')
  const field = object.columns.get(name)
  const relation = field ? undefined : object.fields.get(name)
  if (relation) return [relationFault(use, object, relation)]
  try {
    if (sub === undefined) object.column(name)
    else object.resolve(use.path)
  } catch (thrown) {
    return [unknownPath(use, field, thrown)]
  }
  return use.writes && field ? readOnlyFault(use, name, field) : []
}

/** A record holds the other one's id, not the other one. */
function relationFault(use: Use, object: TwentyObject, relation: TwentyField): Fault {
  const { name, joinColumn } = relation
  if (joinColumn) return { use, message: `a ${object.name} holds the id of its ${name}`, suggestion: joinColumn }
  return { use, message: `${name} is the other end of a relation: no field of a ${object.name}` }
}

function unknownPath(use: Use, field: TwentyField | undefined, thrown: unknown): Fault {
  const { message, details } = asSyncError(thrown)
  const subs = field && COMPOSITES[field.type]
  if (subs) {
    const [name, sub = ''] = use.path.split('.')
    const similar = nearest(sub, subs)
    const said = `${name} has no part "${sub}"; it has ${subs.join(', ')}`
    return { use, message: said, ...(similar && { suggestion: `${name}.${similar}` }) }
  }
  const suggestion = isFields(details) && typeof details.suggestion === 'string' ? details.suggestion : undefined
  return { use, message, ...(suggestion && { suggestion }) }
}

function readOnlyFault(use: Use, name: string, field: TwentyField): Fault[] {
  if (STAMPED.has(name) || COMPUTED.has(field.type)) {
    return [
      { use, message: `Twenty sets ${name} itself: it can be read only`, suggestion: 'a direction that only reads it' },
    ]
  }
  if (field.type !== 'POSITION') return []
  return [
    {
      use,
      message: `${name} is where the record lies in lists: its changes are no events, so it cannot be kept in step`,
    },
  ]
}
