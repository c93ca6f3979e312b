import { TwentyError } from './errors.ts'
import type { Faults } from './faults.ts'

/** Decides, request by request, what the HTTP fault switches do to it. */
export class Misfortune {
  readonly #faults: Faults
  readonly #random: () => number

  constructor(faults: Faults, random: () => number) {
    this.#faults = faults
    this.#random = random
  }

  /**
   * `reset`: drop the connection now. `lost`: apply the request, then drop it.
   * @throws TwentyError when the request is to fail with a status.
   */
  before(isRead: boolean): 'reset' | 'lost' | 'none' {
    const { http } = this.#faults
    if (!this.#hits(isRead)) return 'none'
    if (this.#count('resetNext') || this.#happens(http.resetRate)) return 'reset'
    if (this.#count('failNext')) throw failure(http.failStatus, http.retryAfterSeconds)
    if (this.#happens(http.errorRate)) throw failure(http.errorStatus, http.retryAfterSeconds)
    return this.#count('loseAnswerNext') || this.#happens(http.loseAnswerRate) ? 'lost' : 'none'
  }

  /** How long the answer is held back. */
  delayMs(isRead: boolean): number {
    const { delayMs, jitterMs } = this.#faults.http
    if (!this.#hits(isRead)) return 0
    return delayMs + (jitterMs > 0 ? this.#random() * jitterMs : 0)
  }

  #hits(isRead: boolean): boolean {
    const { scope } = this.#faults.http
    return scope === 'reads' ? isRead : scope !== 'writes' || !isRead
  }

  #count(name: 'resetNext' | 'failNext' | 'loseAnswerNext'): boolean {
    if (this.#faults.http[name] <= 0) return false
    this.#faults.http[name]--
    return true
  }

  #happens(rate: number): boolean {
    return rate > 0 && this.#random() < rate
  }
}

const NAMES: Record<number, string> = {
  400: 'BadRequestException',
  401: 'UNAUTHENTICATED',
  402: 'PaymentRequiredException',
  403: 'ForbiddenException',
  404: 'NotFoundException',
  409: 'ConflictException',
  429: 'RATE_LIMITED',
  503: 'ServiceUnavailableException',
}

function failure(status: number, retryAfterSeconds: number | null): TwentyError {
  return new TwentyError(status, NAMES[status] ?? 'InternalServerErrorException', `Sandbox fault ${status}`, {
    headers: retryAfterSeconds === null ? {} : { 'Retry-After': String(retryAfterSeconds) },
  })
}
