import type { ChangeEvent } from '../event.ts'
import type { PeerOptions } from './peer.ts'

/** A task as its system shows it. */
export interface Task {
  readonly id: string
  /** Grows with every change; of the same form as a record's version. */
  readonly version: string
  readonly title: string
  /** Markdown; what comes back need not be letter by letter what was sent. */
  readonly body: string
  readonly done: boolean
  /** In the trash. */
  readonly deleted: boolean
  /** Who changed it last, for people. */
  readonly by?: string
}

export interface TaskDraft {
  /** P3: the task's own id, so that opening it twice makes one. */
  readonly id: string
  readonly title: string
  readonly body: string
  /** Records at which it is shown. One that the system cannot show tasks at is left out. */
  readonly about: readonly { readonly object: string; readonly id: string }[]
  /** E-mail. */
  readonly assignee?: string
}

export interface TaskChange {
  readonly title?: string
  readonly body?: string
  readonly done?: boolean
}

export interface Opened {
  /** Absent: it was there before, from a try whose answer was lost. */
  readonly version?: string
  /** What is not as wished although the task is there: an assignee whom nobody knows. */
  readonly problem?: string
}

/**
 * Tasks by which people are asked. Made by the definition of a system that has tasks; holds no state of its own.
 * Methods throw SyncError; retryable ones are tried again by the caller.
 */
export interface Tasks {
  readonly system: string
  /** Makes the task, unless it is there: then nothing of it is changed, not even when it lies in the trash. */
  open(draft: TaskDraft, options: PeerOptions): Promise<Opened>
  /** undefined: there is none, not even a deleted one. */
  read(id: string, options: PeerOptions): Promise<Task | undefined>
  /**
   * Changes the task if it is still at that version: what a person wrote a moment ago is never written over.
   * @returns the new version; undefined where it is at another one now, or gone.
   */
  update(id: string, change: TaskChange, version: string, options: PeerOptions): Promise<string | undefined>
  /** The task that an event of the tasks' topic is about. */
  eventOf(event: ChangeEvent): { readonly id: string; readonly version: string }
}
