import type { Environment } from '../environment.ts'
import type { SyncError } from '../errors.ts'
import type { Job } from './job.ts'
import type { Lanes } from './lanes.ts'
import { type OwnedPartition, partitionKey } from './owned-partition.ts'
import type { ParkedEvent, Parking } from './parking.ts'

/** Runs the heads of parked lists when they are due. */
export class ParkedLanes {
  readonly parking: Parking
  readonly #env: Environment
  readonly #lanes: Lanes<Job>
  readonly #owned: ReadonlyMap<string, OwnedPartition>
  /** Per parked lane, what waits for its head's next try. */
  readonly #timers = new Map<string, () => void>()

  constructor(options: {
    parking: Parking
    env: Environment
    lanes: Lanes<Job>
    /** By `partitionKey`. */
    owned: ReadonlyMap<string, OwnedPartition>
  }) {
    this.parking = options.parking
    this.#env = options.env
    this.#lanes = options.lanes
    this.#owned = options.owned
  }

  isParked(lane: string): boolean {
    return this.parking.isParked(lane)
  }

  head(lane: string): ParkedEvent | undefined {
    return this.parking.head(lane)
  }

  /** P4: the lists are known before the first event, which may have to join one. */
  async assigned(owner: OwnedPartition): Promise<void> {
    const { topic, partition } = owner.partition
    for (const lane of await owner.untilDone(() => this.parking.load(topic, partition))) this.#schedule(lane)
  }

  revoked({ partition: { topic, partition } }: OwnedPartition): void {
    for (const lane of this.parking.forget(topic, partition)) this.#schedule(lane)
  }

  /** @param save what else must be durable before. */
  async park(
    lane: string,
    job: Job,
    failure: { attempt: number; firstAt: number; error: SyncError },
    save: () => Promise<void>,
  ): Promise<void> {
    const { attempt, firstAt, error } = failure
    await job.owner.untilDone(async () => {
      await save()
      await this.parking.park(lane, job.logged, attempt, firstAt, error)
    })
    this.#schedule(lane)
  }

  async join(lane: string, job: Job): Promise<void> {
    await job.owner.untilDone(() => this.parking.join(lane, job.logged))
  }

  async remove(lane: string, job: Job): Promise<void> {
    await job.owner.untilDone(() => this.parking.remove(lane, job.logged))
    this.#schedule(lane)
  }

  /** The lane's head is run when it is due, by the owner of its own partition: the lane may hold several's events. */
  #schedule(lane: string): void {
    this.#timers.get(lane)?.()
    this.#timers.delete(lane)
    const head = this.parking.head(lane)
    const owner = head && this.#owned.get(partitionKey(head.logged))
    if (!owner || owner.closed) return
    const cancel = this.#env.clock.after(Math.max(0, head.dueAt - this.#env.clock.now()), () => {
      this.#timers.delete(lane)
      if (!owner.closed) this.#lanes.push(lane, { owner, logged: head.logged, parked: head })
    })
    this.#timers.set(lane, cancel)
  }
}
