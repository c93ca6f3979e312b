import { type ChangeEvent, objectOf, recordIdOf } from '../../event.ts'
import type { Amendment, Plan } from '../sink.ts'

/**
 * P7: Twenty's upsert, which batches of updates go by, brings back what was moved to the trash after it was read. Its
 * answer does not tell; the webhook's list of changed fields does. A poll's list may span a person's own restore.
 */
export function undoneDelete(echo: ChangeEvent, planned: Plan['operation']): Amendment | undefined {
  if (planned !== 'update' || echo.extensions?.via !== 'webhook') return undefined
  if (!echo.changed?.includes('deletedAt') || echo.data.deletedAt) return undefined
  const args = { object: objectOf(echo), recordId: recordIdOf(echo), unlessAfter: echo.time }
  return { action: 'delete', args }
}
