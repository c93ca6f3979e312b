import { Type } from '@sinclair/typebox'
import { HEADER_NAME } from '../http-auth.ts'

/** Where a value is in a JSON body; names between dots, a number for an element of a list. */
export function Path(description: string, example: string) {
  return Type.String({ pattern: '^[^.\\s]+(\\.[^.\\s]+)*$', description, examples: [example] })
}

/** Of a call, below the system's `url`. */
export function CallPath(description: string, example: string) {
  return Type.String({ pattern: '^/[^\\s?#]*$', description, examples: [example] })
}

export function Header(description: string, example: string) {
  return Type.String({ pattern: HEADER_NAME, description, examples: [example] })
}

export const Query = Type.Optional(
  Type.Record(
    Type.String(),
    Type.Union([Type.String(), Type.Number(), Type.Boolean()], { description: 'Value of the parameter.' }),
    { description: 'Query parameters that every such call carries.', examples: [{ sort: 'id' }] },
  ),
)

export const Statuses = (description: string, example: readonly number[]) =>
  Type.Array(Type.Integer({ minimum: 400, maximum: 499, description: 'HTTP status.', examples: [409] }), {
    minItems: 1,
    description,
    examples: [example],
  })
