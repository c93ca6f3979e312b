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
  NO_SUCH_SYNC: {
    kinds: ['rejected'],
    means: 'The config has no sync of that name. The message names those that it has.',
    advice: 'Use one of them.',
  },
  NO_SUCH_SIDE: {
    kinds: ['rejected'],
    means: '`--take` names neither a side nor one of the two systems.',
    advice: 'Say `left`, `right`, or the name of one of the two systems.',
  },
  NO_SUCH_LINK: {
    kinds: ['rejected'],
    means: 'No pair has that id, and none has a record with it.',
    advice: '`twenty-sync links list` shows ids; `twenty-sync why-not` says why a record is in no pair.',
  },
  AMBIGUOUS_LINK: {
    kinds: ['rejected'],
    means: 'Several pairs have an id that begins so, or several syncs have the record.',
    advice: 'Give more of the id, or name the sync with `--sync`.',
  },
  LINK_BUSY: {
    kinds: ['retryable'],
    means: 'A write to the pair is under way, or was begun by a daemon that is gone. Nothing was decided.',
    advice: 'Give the command again; without a daemon, start one first: it looks what became of the write.',
  },
  NOT_DECIDABLE: {
    kinds: ['rejected'],
    means: 'That decision does not fit what waits about the pair.',
    advice: '`twenty-sync conflicts show` lists the decisions that do.',
  },
  NO_SUCH_FIELD: {
    kinds: ['rejected'],
    means: 'The sync maps no field of that name. The message names those that it maps.',
    advice: 'Use one of them.',
  },
  NO_SUCH_RECORD: {
    kinds: ['rejected'],
    means: 'The other side has no such record, or has it in the trash.',
    advice: 'Check the id; restore the record there first.',
  },
  ALREADY_PAIRED: {
    kinds: ['rejected'],
    means: 'The record is the counterpart of another one.',
    advice: 'Unlink that pair first; the message has its id.',
  },
}
