import type { Clock } from '../environment.ts'
import { shortHash } from '../identity.ts'
import type { Coordinator, Lease } from '../state/coordinator.ts'

/** So long does a process that was killed keep others from creating what it was about to create. */
const LEASE_MS = 15_000
const RENEW_MS = 5000
const ASK_AGAIN_MS = 100
/** Releases remembered; older ones count as recent. */
const KEEP_RELEASES = 50_000

/**
 * Names held by one effect at a time, in this process and across instances: what keeps two events from creating one
 * record twice. Nobody queues for a name: whoever finds it taken waits until it is free and then looks at the world
 * again, so that all who waited can be answered by one read.
 */
export class Claims {
  readonly #coordinator: Coordinator
  readonly #clock: Clock
  readonly #random: () => number
  readonly #owner: string
  readonly #shared: boolean
  readonly #held = new Map<string, Promise<void>>()
  readonly #foreign = new Set<string>()
  readonly #releasedAt = new Map<string, number>()
  #sequence = 0
  #forgotten = 0

  constructor(options: {
    coordinator: Coordinator
    clock: Clock
    random: () => number
    owner: string
    /** Other instances may hold names too; what they did under them is not known here. */
    shared: boolean
  }) {
    this.#coordinator = options.coordinator
    this.#clock = options.clock
    this.#random = options.random
    this.#owner = options.owner
    this.#shared = options.shared
  }

  /** A moment, for `HeldClaims.freshSince`. */
  mark(): number {
    return this.#sequence
  }

  /** All names, or undefined when one is taken. Never waits for another holder. */
  async tryHold(names: readonly string[]): Promise<HeldClaims | undefined> {
    if (names.some(name => this.#held.has(name))) return undefined
    const held = new HeldClaims(
      names,
      mark => this.#unchangedSince(names, mark),
      () => this.#clock.elapsed(),
    )
    for (const name of names) this.#take(name, held)
    if (!this.#shared) return held
    try {
      return await this.#lease(names, held)
    } catch (error) {
      await held.release()
      throw error
    }
  }

  async #lease(names: readonly string[], held: HeldClaims): Promise<HeldClaims | undefined> {
    for (const name of names) {
      // Hashed: a name carries what a record is found by, an address for example.
      const lease = await this.#coordinator.acquire(`claim/${shortHash(name)}`, this.#owner, LEASE_MS)
      if (!lease) {
        this.#foreign.add(name)
        await held.release()
        return undefined
      }
      held.add(lease)
    }
    this.#keep(held)
    return held
  }

  /** A plan may wait long for its call; the lease lives as long as the process that holds it. */
  #keep(held: HeldClaims): void {
    const cancel = this.#clock.after(
      RENEW_MS,
      () => {
        held.renew().then(
          () => this.#keep(held),
          () => this.#keep(held),
        )
      },
      { background: true },
    )
    held.onRelease(cancel)
    if (held.released) cancel()
  }

  /** Resolves when none of the names is taken any more; somebody else may take one at once. */
  async whenFree(names: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(names.map(name => this.#held.get(name)))
    for (const name of names) if (this.#foreign.delete(name)) await this.#whenLeaseFree(name, signal)
  }

  /** By holding it for a moment: asking for the lease beside a holder of our own would take it from him. */
  async #whenLeaseFree(name: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(ASK_AGAIN_MS * (0.5 + this.#random()), signal)
      const held = await this.tryHold([name])
      if (held) return held.release()
      // Somebody in this process was faster, and will let go.
      if (!this.#foreign.delete(name)) return this.#held.get(name)
    }
  }

  #take(name: string, held: HeldClaims): void {
    let done!: () => void
    this.#held.set(
      name,
      new Promise<void>(resolve => {
        done = resolve
      }),
    )
    held.onRelease(() => {
      this.#held.delete(name)
      this.#releasedAt.delete(name)
      this.#releasedAt.set(name, ++this.#sequence)
      if (this.#releasedAt.size > KEEP_RELEASES) this.#forgetOldest()
      done()
    })
  }

  #forgetOldest(): void {
    const [name, at] = this.#releasedAt.entries().next().value!
    this.#releasedAt.delete(name)
    this.#forgotten = at
  }

  #unchangedSince(names: readonly string[], mark: number): boolean {
    if (this.#shared || mark < this.#forgotten) return false
    return names.every(name => (this.#releasedAt.get(name) ?? 0) <= mark)
  }
}

/** Released once, whatever happens in between. */
export class HeldClaims {
  readonly names: readonly string[]
  released = false
  readonly #unchangedSince: (mark: number) => boolean
  readonly #leases: Lease[] = []
  readonly #releases: (() => void)[] = []

  readonly #now: () => number
  #renewedAt: number
  #refused = false

  constructor(
    names: readonly string[] = [],
    unchangedSince: (mark: number) => boolean = () => true,
    now: () => number = () => 0,
  ) {
    this.names = names
    this.#unchangedSince = unchangedSince
    this.#now = now
    this.#renewedAt = now()
  }

  /** A lease lapsed, or may have: the process was stopped for a while, or the coordinator did not answer. */
  get lost(): boolean {
    return this.#refused || (this.#leases.length > 0 && this.#now() - this.#renewedAt >= LEASE_MS)
  }

  add(lease: Lease): void {
    this.#leases.push(lease)
  }

  onRelease(release: () => void): void {
    this.#releases.push(release)
  }

  /** True when nobody can have done anything under these names since the mark. */
  freshSince(mark: number): boolean {
    return this.#unchangedSince(mark)
  }

  covers(names: readonly string[]): boolean {
    return names.every(name => this.names.includes(name))
  }

  /** Notes what lapsed: somebody else may have it now, and what was planned under it must be planned again. */
  async renew(): Promise<void> {
    const asked = this.#now()
    const renewed = await Promise.all(this.#leases.map(lease => lease.renew()))
    if (this.released) return
    if (renewed.every(Boolean)) this.#renewedAt = asked
    else this.#refused = true
  }

  async release(): Promise<void> {
    this.released = true
    const leases = this.#leases.splice(0)
    // The other instances first; our own waiters would find the lease still taken.
    if (leases.length > 0) await Promise.allSettled(leases.map(lease => lease.release()))
    for (const release of this.#releases.splice(0)) release()
  }
}
