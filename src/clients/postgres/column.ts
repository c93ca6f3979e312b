/** How values of a type are read, written and compared. */
export type Kind =
  | 'text'
  | 'padded'
  | 'uuid'
  | 'integer'
  | 'numeric'
  | 'float4'
  | 'float8'
  | 'boolean'
  | 'timestamp'
  | 'timestamptz'
  | 'date'
  | 'json'
  /** Not read and not written: bytes have no form in JSON, search vectors are made by the server. */
  | 'refused'

const KINDS: Readonly<Record<string, Kind>> = {
  bpchar: 'padded',
  uuid: 'uuid',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  oid: 'integer',
  numeric: 'numeric',
  float4: 'float4',
  float8: 'float8',
  bool: 'boolean',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  date: 'date',
  json: 'json',
  jsonb: 'json',
  bytea: 'refused',
  tsvector: 'refused',
}

/** Of a type by its internal name. What is not known by name has a text form that its type takes back. */
export function kindOf(type: string): Kind {
  return Object.hasOwn(KINDS, type) ? KINDS[type]! : 'text'
}

export interface Column {
  readonly name: string
  /** Of the values; of the elements where `isArray`. */
  readonly kind: Kind
  readonly isArray: boolean
  /** The type as a cast names it, without its length: a cast to that would cut texts off in silence. */
  readonly type: string
  /** Digits behind the point that the column keeps. Absent: all. */
  readonly scale?: number
  /** Digits of a second that the column keeps; 6 by default. */
  readonly secondDigits?: number
  readonly notNull: boolean
  /** Made by the server: an insert or update may not name it. */
  readonly readOnly: boolean
  readonly labels?: readonly string[]
}

export interface Table {
  /** Quoted, with its schema. */
  readonly sql: string
  /** `public.contacts`, as triggers name it. */
  readonly name: string
  readonly columns: ReadonlyMap<string, Column>
  readonly id: Column
  readonly updatedAt: Column
  readonly deletedAt?: Column
  /** Columns of each constraint that makes rows unique, the primary key included. */
  readonly unique: readonly (readonly string[])[]
  /** The trigger that logs changes is there, and its table can be read. */
  readonly logged: boolean
}
