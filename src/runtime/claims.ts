import type { Clock } from '../environment.ts'
import type { Coordinator, Lease } from '../state/coordinator.ts'

const LEASE_MS = 60_000
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
    const held = new HeldClaims(names, mark => this.#unchangedSince(names, mark))
    for (const name of names) this.#take(name, held)
    for (const name of names) {
      const lease = await this.#coordinator.acquire(`claim/${name}`, this.#owner, LEASE_MS)
      if (lease) {
        held.add(lease)
        continue
      }
      this.#foreign.add(name)
      await held.release()
      return undefined
    }
    return held
  }

  /** Resolves when none of the names is taken any more; somebody else may take one at once. */
  async whenFree(names: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(names.map(name => this.#held.get(name)))
    for (const name of names) if (this.#foreign.delete(name)) await this.#whenLeaseFree(name, signal)
  }

  async #whenLeaseFree(name: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(ASK_AGAIN_MS * (0.5 + this.#random()), signal)
      const lease = await this.#coordinator.acquire(`claim/${name}`, this.#owner, LEASE_MS)
      if (lease) return lease.release()
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
  readonly #unchangedSince: (mark: number) => boolean
  readonly #leases: Lease[] = []
  readonly #releases: (() => void)[] = []

  constructor(names: readonly string[] = [], unchangedSince: (mark: number) => boolean = () => true) {
    this.names = names
    this.#unchangedSince = unchangedSince
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

  /** False when one lapsed meanwhile: what was planned under it must be planned again. */
  async renew(): Promise<boolean> {
    if (this.#leases.length === 0) return true
    const renewed = await Promise.all(this.#leases.map(lease => lease.renew()))
    return renewed.every(Boolean)
  }

  async release(): Promise<void> {
    const leases = this.#leases.splice(0)
    // The other instances first; our own waiters would find the lease still taken.
    if (leases.length > 0) await Promise.allSettled(leases.map(lease => lease.release()))
    for (const release of this.#releases.splice(0)) release()
  }
}
