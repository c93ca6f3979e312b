import type { SyncError } from '../errors.ts'
import type { GuardedKind } from './guard.ts'
import type { PeerOptions } from './peer.ts'

export interface RoundOptions extends PeerOptions {
  /** Both sides have just been read completely: less is read again. */
  readonly bulk: boolean
}

/** What became of each link of a round. */
export interface RoundResult {
  readonly settled: Set<string>
  /** To be looked at again at once: there is more to do. */
  readonly again: Set<string>
  /** Try later: a call failed, or another instance is writing. */
  readonly later: Map<string, SyncError | undefined>
  /** Held back by the guard. */
  readonly guarded: Map<string, GuardedKind>
  /** No link will fare better. */
  fatal?: SyncError
}
