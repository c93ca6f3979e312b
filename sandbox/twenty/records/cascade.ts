import type { Caller } from '../caller.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'
import type { Records } from './records.ts'

/**
 * What the database does to rows that point at destroyed ones: nulls their foreign key or removes them.
 * The database does it alone, so there are no events and updatedAt stays, unless `events` is set.
 */
export function cascade(
  records: Records,
  object: ObjectMeta,
  destroyed: readonly Row[],
  caller: Caller,
  events: boolean,
): void {
  for (const other of records.schema.objects())
    for (const field of other.toOne) {
      if (field.relation!.object !== object.nameSingular) continue
      const column = field.settings!.joinColumnName!
      const table = records.table(other.nameSingular)
      const rows = destroyed.flatMap(row => table.referencing(column, row.id as string))
      if (rows.length === 0) continue
      const removes = field.settings!.onDelete === 'CASCADE'
      if (events && removes) records.destroy(other, rows, caller)
      else if (events)
        records.write(
          other,
          rows.map(before => ({ before, patch: { [column]: null } })),
          'updated',
          caller,
        )
      else if (removes) {
        for (const row of rows) table.remove(row.id as string)
        cascade(records, other, rows, caller, events)
      } else for (const row of rows) table.put({ ...row, [column]: null })
    }
}
