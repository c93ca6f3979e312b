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
