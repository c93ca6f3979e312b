import { SyncError } from '../../errors.ts'

/** What the sender must mend in the body. The message never quotes the body. */
export function unreadable(code: string, message: string): SyncError {
  return new SyncError('rejected', code, message, { status: 400 })
}
