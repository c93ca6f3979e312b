import type { Cancel, Clock } from '../../environment.ts'
import type { GroupMember, Standing } from './group-member.ts'
import type { KafkaTimings } from './timings.ts'

export interface HeartbeatHooks {
  readonly rebalancing: () => void
  /** The group goes on without us: it said so, or was not heard for a session. */
  readonly expelled: (reason: string) => void
}

/**
 * Keeps the membership alive, also while the subscriber is busy. P4: a session without an answer, measured from when the
 * last answered beat was sent, is the end of our ownership, and so never later here than at the coordinator.
 */
export class Heartbeat {
  readonly #member: GroupMember
  readonly #clock: Clock
  readonly #timings: KafkaTimings
  readonly #hooks: HeartbeatHooks
  #aliveSince: number
  #cancelBeat: Cancel = () => {}
  #cancelExpiry: Cancel = () => {}
  #stopped = false

  constructor(member: GroupMember, clock: Clock, timings: KafkaTimings, hooks: HeartbeatHooks) {
    this.#member = member
    this.#clock = clock
    this.#timings = timings
    this.#hooks = hooks
    this.#aliveSince = clock.elapsed()
    this.#scheduleBeat()
    this.#scheduleExpiry()
  }

  stop(): void {
    this.#stopped = true
    this.#cancelBeat()
    this.#cancelExpiry()
  }

  #scheduleBeat(): void {
    if (!this.#stopped) this.#cancelBeat = this.#clock.after(this.#timings.heartbeatMs, () => void this.#beat())
  }

  #scheduleExpiry(): void {
    this.#cancelExpiry()
    if (this.#stopped) return
    const left = this.#aliveSince + this.#timings.sessionMs - this.#clock.elapsed()
    this.#cancelExpiry = this.#clock.after(Math.max(0, left), () => {
      this.stop()
      this.#hooks.expelled(`no heartbeat was answered for ${this.#timings.sessionMs} ms`)
    })
  }

  async #beat(): Promise<void> {
    const sentAt = this.#clock.elapsed()
    // An unanswered beat is no news yet: the next one is tried until the session is over.
    const standing = await this.#member.heartbeat().catch((): undefined => undefined)
    if (this.#stopped) return
    if (standing) this.#heard(standing, sentAt)
    this.#scheduleBeat()
  }

  #heard(standing: Standing, sentAt: number): void {
    if (standing === 'expelled') {
      this.stop()
      this.#hooks.expelled('the group does not know us any more')
      return
    }
    this.#aliveSince = sentAt
    this.#scheduleExpiry()
    if (standing === 'rebalancing') this.#hooks.rebalancing()
  }
}
