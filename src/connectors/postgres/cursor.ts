/** Where the polls of a database are; JSON, stored after each page. */
export interface PostgresCursor {
  readonly tables: Readonly<Record<string, TableCursor>>
}

export interface Mark {
  /** The lowest transaction that was not over: what had a lower number was committed, and could be read, or never will be. */
  readonly horizon: string
  /** By the server's clock. */
  readonly at: string
}

export interface TableCursor {
  /** What the last complete walk has read. Absent before the first. */
  readonly done?: Mark
  /** A walk under way. */
  readonly walk?: Mark & {
    /** Position of the last delete that was read; 0 before the first. */
    readonly deletes?: string
    /** The last row that was read. */
    readonly after?: { readonly version: string; readonly id: string }
  }
}

/** Anything else than a cursor of ours begins anew. */
export function cursorFrom(value: unknown): PostgresCursor {
  const isOurs = typeof value === 'object' && value !== null && 'tables' in value && typeof value.tables === 'object'
  return isOurs ? (value as PostgresCursor) : { tables: {} }
}

export function withTable(cursor: PostgresCursor, object: string, table: TableCursor): PostgresCursor {
  return { tables: { ...cursor.tables, [object]: table } }
}
