import type { TwentySchema } from '../../clients/twenty/schema.ts'
import { recordShape } from '../../clients/twenty/shape.ts'
import type { Shape } from '../../shape.ts'
import type { ActionUse } from '../sink.ts'
import { selects } from './selection.ts'

/** What `resultOf` makes of a record, or a list of these. */
export function resultShape(use: Pick<ActionUse, 'action' | 'args'>, schema: TwentySchema): Shape | undefined {
  const object = schema.objects.get(String(use.args.object))
  const record = object && recordShape(object)
  if (!record) return undefined
  const result = { ...record, fields: new Map([...record.fields, ['object', undefined], ['created', undefined]]) }
  return selects(use) ? { items: result } : result
}
