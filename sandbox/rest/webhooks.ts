import { createHmac, randomUUID } from 'node:crypto'
import type { SandboxRestFaults } from './faults.ts'
import type { SandboxRestSettings } from './settings.ts'
import type { StoreChange } from './store.ts'

/** One attempt at a delivery. */
export interface SandboxDelivery {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** `lost` and `held` never left; a number is the receiver's answer, 0 where there was none. */
  status: number | 'lost' | 'held'
}

export type SendDelivery = (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<number>

export interface DispatcherOptions {
  readonly settings: SandboxRestSettings
  readonly faults: SandboxRestFaults
  readonly now: () => number
  readonly random: () => number
  readonly send?: SendDelivery
}

/** Tells of changes once, like most: no retry, and no promise of order. */
export class Dispatcher {
  readonly deliveries: SandboxDelivery[] = []
  readonly #options: DispatcherOptions
  #held: SandboxDelivery[] = []
  #underWay = new Set<Promise<void>>()

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  tell({ collection, action, row, changed, by }: StoreChange): void {
    const { settings, faults, random } = this.#options
    const { webhook } = settings
    if (!webhook) return
    const kind = `${collection.replace(/ies$/, 'y').replace(/s$/, '')}.${action}`
    const body = JSON.stringify({
      id: randomUUID(),
      event: kind,
      occurred_at: new Date(this.#serverNow()).toISOString(),
      actor: { name: by },
      data: webhook.record ? row : { id: row.id },
      ...(webhook.changes && action === 'updated' && { changes: changed }),
    })
    const isLost = faults.webhooks.loseNext > 0 || random() < faults.webhooks.loseRate
    if (faults.webhooks.loseNext > 0) faults.webhooks.loseNext--
    const copies = !isLost && random() < faults.webhooks.duplicateRate ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const delivery: SandboxDelivery = {
        url: webhook.url,
        headers: this.#signed(body, webhook.secret),
        body,
        status: 0,
      }
      this.deliveries.push(delivery)
      if (isLost) delivery.status = 'lost'
      else if (faults.webhooks.hold) this.#hold(delivery)
      else this.#start(delivery)
    }
  }

  /** Sends what was held back: as it came, the last first, or by chance. */
  async release(order: 'kept' | 'reversed' | 'shuffled' = 'kept'): Promise<void> {
    const { random } = this.#options
    const held = this.#held
    this.#held = []
    const sorted =
      order === 'kept'
        ? held
        : order === 'reversed'
          ? held.reverse()
          : held
              .map(delivery => ({ delivery, at: random() }))
              .sort((a, b) => a.at - b.at)
              .map(({ delivery }) => delivery)
    for (const delivery of sorted) await this.#deliver(delivery)
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  clear(): void {
    this.deliveries.length = 0
    this.#held = []
  }

  #hold(delivery: SandboxDelivery): void {
    delivery.status = 'held'
    this.#held.push(delivery)
  }

  #start(delivery: SandboxDelivery): void {
    const { delayMs } = this.#options.faults.webhooks
    const sent = (delayMs > 0 ? new Promise(resolve => setTimeout(resolve, delayMs)) : Promise.resolve())
      .then(() => this.#deliver(delivery))
      .finally(() => this.#underWay.delete(sent))
    this.#underWay.add(sent)
  }

  async #deliver(delivery: SandboxDelivery): Promise<void> {
    const { send = post } = this.#options
    delivery.status = await send(delivery.url, delivery.headers, delivery.body).catch(() => 0)
  }

  #signed(body: string, secret: string): Record<string, string> {
    const timestamp = String(Math.floor(this.#serverNow() / 1000))
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
    return { 'content-type': 'application/json', 'x-timestamp': timestamp, 'x-signature': `sha256=${signature}` }
  }

  #serverNow(): number {
    return this.#options.now() + this.#options.settings.skewMs
  }
}

async function post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(5000) })
  await response.arrayBuffer()
  return response.status
}
