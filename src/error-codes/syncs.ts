import type { ErrorCodes } from '../error-codes.ts'

/** What two-way syncs, and commands about them, end with. */
export const SYNC_CODES: ErrorCodes = {
  LINK_CONTESTED: {
    kinds: ['retryable'],
    means: 'Another instance changed the same pair of records first, every time. It is tried again.',
    advice: 'Nothing, unless it stays: then look whether two daemons with different configs share the state.',
  },
  NO_COUNTERPART: {
    kinds: ['rejected'],
    means: 'A value has no counterpart on the other side. The field waits; the others go on.',
    advice: 'Add the value to `values` of the field, or change it on its side.',
  },
  NOT_MATCHED: {
    kinds: ['retryable'],
    means: 'The first walk of both sides is not over yet: nobody can say yet which records have no counterpart.',
    advice: '`twenty-sync status` shows how far it is. A walk needs a running daemon.',
  },
  LEASE_LAPSED: {
    kinds: ['retryable'],
    means:
      'A write waited for so long that another instance may have taken its pair over. It was not sent, and is planned again.',
    advice: 'Nothing, unless it stays: then the limits of the system are too low for what is due.',
  },
  RECONCILE_RUNNING: {
    kinds: ['rejected'],
    means: 'The sync is being compared already, by this or another instance.',
    advice: 'Wait for that comparison; a lease that a crash left behind lapses after a minute.',
  },
}
