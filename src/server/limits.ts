export interface ServerLimits {
  /** Requests whose body is read and whose answer is not sent yet; more are told to come back. Default 1024. */
  readonly maxInFlight?: number
  /** Bytes of bodies held at one time, of requests read or being read. Default 64 MiB. */
  readonly maxBodyBytes?: number
  /** Open connections; further ones are closed at once. Default 10,000. */
  readonly maxConnections?: number
  /** For the headers of a request to arrive. Default 10 s. */
  readonly headersTimeoutMs?: number
  /** For a whole request to arrive. Default 30 s. */
  readonly requestTimeoutMs?: number
  /** All headers of a request together. Default 16 KiB. */
  readonly maxHeaderBytes?: number
  /** How long an idle connection stays open. Default 72 s, a little more than most proxies keep theirs. */
  readonly keepAliveMs?: number
  /** How often slow senders are looked for. Default 1 s. */
  readonly checkEveryMs?: number
}

export const DEFAULT_LIMITS: Required<ServerLimits> = {
  maxInFlight: 1024,
  maxBodyBytes: 64 * 1024 * 1024,
  maxConnections: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  maxHeaderBytes: 16 * 1024,
  keepAliveMs: 72_000,
  checkEveryMs: 1000,
}

/** Counts what is being worked on, so that overload is refused while refusing is still cheap. */
export class Admission {
  readonly #maxInFlight: number
  readonly #maxBodyBytes: number
  #inFlight = 0
  #bodyBytes = 0

  constructor(limits: Required<ServerLimits>) {
    this.#maxInFlight = limits.maxInFlight
    this.#maxBodyBytes = limits.maxBodyBytes
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get bodyBytes(): number {
    return this.#bodyBytes
  }

  get full(): boolean {
    return this.#inFlight >= this.#maxInFlight
  }

  enter(): void {
    this.#inFlight++
  }

  leave(): void {
    this.#inFlight--
  }

  /** False when there is no room for these bytes; then none are taken. */
  takeBytes(count: number): boolean {
    // One body of any size always fits: a limit below the largest body must not refuse it for ever.
    if (this.#bodyBytes > 0 && this.#bodyBytes + count > this.#maxBodyBytes) return false
    this.#bodyBytes += count
    return true
  }

  giveBytes(count: number): void {
    this.#bodyBytes -= count
  }
}
