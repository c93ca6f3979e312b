/**
 * Runs jobs of one key one after the other, in the order they came, and different keys side by side.
 * P4: the only place that starts jobs, so nothing of a key can overtake.
 */
export class Lanes<Job> {
  readonly #lanes = new Map<string, Job[]>()
  readonly #ready: string[] = []
  readonly #limit: number
  readonly #run: (key: string, job: Job) => Promise<void> | void
  #running = 0
  #pumping = false
  #idle: (() => void)[] = []

  /** @param run must not throw: what a failed job means is its own business. */
  constructor(limit: number, run: (key: string, job: Job) => Promise<void> | void) {
    this.#limit = limit
    this.#run = run
  }

  /** Jobs queued or running, in no particular order. */
  *jobs(): IterableIterator<Job> {
    for (const jobs of this.#lanes.values()) yield* jobs
  }

  /** Jobs queued or running. */
  get size(): number {
    let size = 0
    for (const jobs of this.#lanes.values()) size += jobs.length
    return size
  }

  push(key: string, job: Job): void {
    const lane = this.#lanes.get(key)
    if (lane) {
      lane.push(job)
      return
    }
    this.#lanes.set(key, [job])
    this.#ready.push(key)
    this.#pump()
  }

  /** Jobs of the lane that have not started leave it, in order. The running one stays. */
  takeWaiting(key: string): Job[] {
    return this.#lanes.get(key)?.splice(1) ?? []
  }

  /** Waiting jobs for which `drop` is true are forgotten; running ones stay. */
  forgetWaiting(drop: (job: Job) => boolean): void {
    for (const jobs of this.#lanes.values()) {
      for (let at = jobs.length - 1; at >= 1; at--) if (drop(jobs[at]!)) jobs.splice(at, 1)
    }
    for (let at = this.#ready.length - 1; at >= 0; at--) {
      const key = this.#ready[at]!
      const jobs = this.#lanes.get(key)!
      if (!drop(jobs[0]!)) continue
      jobs.shift()
      if (jobs.length > 0) continue
      this.#lanes.delete(key)
      this.#ready.splice(at, 1)
    }
    this.#settleIdle()
  }

  /** Resolves when nothing is queued or running. */
  idle(): Promise<void> {
    if (this.#lanes.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  #pump(): void {
    // A job that finishes at once would otherwise recurse once per job of a page.
    if (this.#pumping) return
    this.#pumping = true
    let next = 0
    while (this.#running < this.#limit && next < this.#ready.length) this.#start(this.#ready[next++]!)
    this.#ready.splice(0, next)
    this.#pumping = false
    this.#settleIdle()
  }

  #start(key: string): void {
    const jobs = this.#lanes.get(key)!
    for (;;) {
      const outcome = this.#run(key, jobs[0]!)
      if (outcome) {
        this.#running++
        outcome.then(() => this.#finished(key, jobs))
        return
      }
      jobs.shift()
      if (jobs.length > 0) continue
      this.#lanes.delete(key)
      return
    }
  }

  #finished(key: string, jobs: Job[]): void {
    this.#running--
    jobs.shift()
    if (jobs.length > 0) this.#ready.push(key)
    else this.#lanes.delete(key)
    this.#pump()
  }

  #settleIdle(): void {
    if (this.#lanes.size > 0 || this.#idle.length === 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
