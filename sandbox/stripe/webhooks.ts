import { createHmac } from 'node:crypto'
import type { SandboxClock } from '../twenty/clock.ts'
import type { Send } from '../twenty/webhooks/send.ts'
import type { SandboxStripeFaults } from './faults.ts'

/** One event on its way to one address. */
export interface SandboxStripeDelivery {
  readonly type: string
  readonly body: string
  /** Answers of the receiver; 0 where there was none. */
  readonly statuses: number[]
}

/** Pauses before it is tried again; Stripe goes on for three days. */
const AGAIN_MS = [1000, 5000, 30_000, 300_000]

export interface WebhooksOptions {
  /** Where events are sent to; a function, as the receiver may start later. */
  readonly url: () => string | undefined
  readonly secret: string
  readonly faults: SandboxStripeFaults
  readonly clock: SandboxClock
  readonly send: Send
}

/** Tells of events, signed, again and again until somebody answers 2xx. */
export class Webhooks {
  readonly deliveries: SandboxStripeDelivery[] = []
  readonly #options: WebhooksOptions
  readonly #underWay = new Set<Promise<void>>()
  #held: SandboxStripeDelivery[] = []

  constructor(options: WebhooksOptions) {
    this.#options = options
  }

  tell(event: Readonly<Record<string, unknown>>): void {
    if (this.#options.url() === undefined) return
    const { hold, duplicate } = this.#options.faults.webhooks
    const delivery: SandboxStripeDelivery = { type: String(event.type), body: JSON.stringify(event), statuses: [] }
    this.deliveries.push(delivery)
    if (hold) this.#held.push(delivery)
    else for (let copy = 0; copy < (duplicate ? 2 : 1); copy++) this.#start(delivery)
  }

  /** Sends what was held back, the last first when told so. */
  async release(order: 'kept' | 'reversed' = 'kept'): Promise<void> {
    const held = this.#held.splice(0)
    if (order === 'reversed') held.reverse()
    for (const delivery of held) await this.#deliver(delivery, 0)
  }

  /** Resolves when none is on its way; those that wait for another try do not count. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  clear(): void {
    this.deliveries.length = 0
    this.#held = []
  }

  #start(delivery: SandboxStripeDelivery, tries = 0): void {
    const sent = this.#deliver(delivery, tries).finally(() => this.#underWay.delete(sent))
    this.#underWay.add(sent)
  }

  async #deliver(delivery: SandboxStripeDelivery, tries: number): Promise<void> {
    const { url, send, faults, clock } = this.#options
    const to = url()
    if (to === undefined) return
    const isLost = faults.webhooks.loseNext > 0
    if (isLost) faults.webhooks.loseNext--
    const status = isLost ? 0 : await send(to, this.#signed(delivery.body), delivery.body).catch(() => 0)
    delivery.statuses.push(status)
    const pause = AGAIN_MS[tries]
    if ((status < 200 || status > 299) && pause !== undefined)
      clock.after(pause, () => this.#start(delivery, tries + 1))
  }

  #signed(body: string): Record<string, string> {
    const { secret, clock } = this.#options
    const t = Math.floor(clock.now() / 1000)
    const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
    return { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': `t=${t},v1=${v1}` }
  }
}
