import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Coordinator, Lease } from '../state/coordinator.ts'

const LEASE_MS = 60_000
const ASK_AGAIN_MS = 100
/** Longer than any single call is allowed to take. */
const GIVE_UP_MS = 30_000

/** Names held by one effect at a time, in this process and across instances. */
export class Claims {
  readonly #coordinator: Coordinator
  readonly #clock: Clock
  readonly #random: () => number
  readonly #owner: string
  /** Per name, what the next claimant waits for. */
  readonly #tails = new Map<string, Promise<void>>()

  constructor(coordinator: Coordinator, clock: Clock, random: () => number, owner: string) {
    this.#coordinator = coordinator
    this.#clock = clock
    this.#random = random
    this.#owner = owner
  }

  /**
   * Waits until all names are ours. Taken in sorted order, so that two claimants never wait for each other.
   * @throws SyncError retryable `CLAIM_TIMEOUT` when another instance does not let go.
   */
  async hold(names: readonly string[], signal: AbortSignal): Promise<HeldClaims> {
    const held = new HeldClaims()
    try {
      for (const name of [...new Set(names)].sort()) {
        held.onRelease(await this.#takeTurn(name))
        held.add(await this.#lease(name, signal))
      }
      return held
    } catch (error) {
      await held.release()
      throw error
    }
  }

  async #takeTurn(name: string): Promise<() => void> {
    const before = this.#tails.get(name)
    let done!: () => void
    const tail = new Promise<void>(resolve => {
      done = resolve
    })
    this.#tails.set(name, tail)
    await before
    return () => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name)
      done()
    }
  }

  async #lease(name: string, signal: AbortSignal): Promise<Lease> {
    const start = this.#clock.elapsed()
    for (;;) {
      const lease = await this.#coordinator.acquire(`claim/${name}`, this.#owner, LEASE_MS)
      if (lease) return lease
      if (this.#clock.elapsed() - start > GIVE_UP_MS) {
        throw new SyncError(
          'retryable',
          'CLAIM_TIMEOUT',
          `another instance holds ${name} for more than ${GIVE_UP_MS / 1000} s`,
        )
      }
      await this.#clock.sleep(ASK_AGAIN_MS * (0.5 + this.#random()), signal)
    }
  }
}

/** Released once, whatever happens in between. */
export class HeldClaims {
  readonly #leases: Lease[] = []
  readonly #releases: (() => void)[] = []

  add(lease: Lease): void {
    this.#leases.push(lease)
  }

  onRelease(release: () => void): void {
    this.#releases.push(release)
  }

  get empty(): boolean {
    return this.#leases.length === 0
  }

  /** False when one lapsed meanwhile: what was planned under it must be planned again. */
  async renew(): Promise<boolean> {
    const renewed = await Promise.all(this.#leases.map(lease => lease.renew()))
    return renewed.every(Boolean)
  }

  async release(): Promise<void> {
    const leases = this.#leases.splice(0)
    // The other instances first; our own waiters would find the lease still taken.
    await Promise.allSettled(leases.map(lease => lease.release()))
    for (const release of this.#releases.splice(0)) release()
  }
}
