/**
 * What is in a value for sure, so that what expressions read can be checked before there is an event. Where a shape is
 * undefined, anything may be in the value.
 */
export type Shape = RecordShape | ListShape

export interface RecordShape {
  /** For messages: `Twenty's person`. */
  readonly of: string
  /** All that there may be; none of a text or a number. */
  readonly fields: ReadonlyMap<string, Shape | undefined>
  /** What people look for in it, and what is there in its place. */
  readonly elsewhere?: ReadonlyMap<string, Elsewhere>
}

export interface Elsewhere {
  readonly why: string
  /** The field to read. */
  readonly field?: string
}

export interface ListShape {
  readonly items: Shape | undefined
}

/** The way to a value: a name of the scope, then names of fields; null is some item of a list, or a key that only the data tells. */
export type Path = readonly [string, ...(string | null)[]]

/** In `mayLack`: any field. */
export const ANY = '*'

/** A field that a text reads: an expression, a template. */
export interface Read {
  readonly path: Path
  /** As written: `data.emails.primaryEmail`, and what stands before its last name. */
  readonly text: string
  readonly before: string
  /** Where it stands in the text, from 0; absent where the text is not in the config. */
  readonly offset?: number
}

export interface Reads {
  /** One for each field on the way: `data.emails`, `data.emails.primaryEmail`. */
  readonly reads: readonly Read[]
  /** What the text allows to be absent: `data.?phone`, `has(data.phone)`, or a look at all keys. */
  readonly mayLack: readonly Path[]
}

/** One of these. undefined: anything. */
export type Known = readonly Shape[] | undefined

export function isRecord(shape: Shape): shape is RecordShape {
  return 'fields' in shape
}

/** Where one may be anything, all may. */
export function oneOf<S extends Shape>(shapes: readonly (S | undefined)[]): readonly S[] | undefined {
  return shapes.every(shape => shape !== undefined) ? shapes : undefined
}

/** What a way leads to, of the shapes that it can be gone in: null is an item of a list, or a field that is not told. */
export function inside(known: Known, way: readonly (string | null)[]): Known {
  return way.reduce<Known>((holders, name) => holders && oneOf(holders.flatMap(shape => partsOf(shape, name))), known)
}

function partsOf(shape: Shape, name: string | null): (Shape | undefined)[] {
  if (!isRecord(shape)) return [name === null ? shape.items : undefined]
  if (name === null) return [undefined]
  return shape.fields.has(name) ? [shape.fields.get(name)] : []
}
