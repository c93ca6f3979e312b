import { type TSchema, type TUnsafe, Type } from '@sinclair/typebox'
import type { FieldOptions } from '../config/definition.ts'

/** Any value, taken as it stands: data of systems and senders, not config. */
export function Data<T = unknown>(options: FieldOptions & { type?: 'object' }): TUnsafe<T> {
  return Type.Unsafe<T>({ 'x-data': true, ...options })
}

export function DataMap(options: FieldOptions): TUnsafe<Record<string, unknown>> {
  return Data({ type: 'object', ...options })
}

export function named<S extends TSchema>(what: S, options: FieldOptions) {
  return Type.Record(Type.String(), what, { ...options })
}

export const closed = { additionalProperties: false }
export const Optional = Type.Optional

/** How many, or which ones. */
export function some<S extends TSchema>(one: S, options: FieldOptions) {
  return Type.Union(
    [
      Type.Integer({ minimum: 0, description: 'How many.', examples: [1] }),
      Type.Array(one, { description: 'Each of them, in any order.' }),
      Type.Object(
        { $includes: Type.Array(one, { description: 'These, in any order.' }) },
        { ...closed, description: 'These at least.' },
      ),
    ],
    { ...options },
  )
}

export const System = Optional(
  Type.String({ description: 'The Twenty system. Default: the only one.', examples: ['twenty'] }),
)
export const ObjectName = Type.String({ minLength: 1, description: 'The object, as in flows.', examples: ['person'] })
export const By = Optional(
  Type.String({ description: 'Who does it: the address of a member.', examples: ['rep@example.com'] }),
)
export const Where = DataMap({
  description: 'Tells the record: fields that it has and no other one has.',
  examples: [{ emails: { primaryEmail: 'ada@example.com' } }],
})
export const Values = DataMap({ description: 'Fields, as plain values.', examples: [{ jobTitle: 'CTO' }] })
