import type { Caller } from '../caller.ts'
import { type SandboxClock, serverNow } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { ChangeBatch } from '../records/changes.ts'
import {
  type MetadataEvent,
  metadataPayload,
  metadataSubscriptions,
  recordPayload,
  recordSubscriptions,
  subscribed,
} from './payload.ts'
import type { Webhooks } from './registry.ts'
import type { Send } from './send.ts'
import { deliveryHeaders } from './signature.ts'

/** What became of one delivery. `dropped`: never sent. `failed`: sent once, no 2xx, and not sent again. */
export interface Delivery {
  readonly webhookId: string
  readonly url: string
  readonly eventName: string
  readonly recordId: string | null
  readonly body: string
  headers: Readonly<Record<string, string>>
  /** When it was sent or dropped, ms. */
  at: number
  outcome: 'delivered' | 'failed' | 'dropped'
  status: number | null
  error: string | null
}

interface Job {
  readonly webhookId: string
  readonly url: string
  readonly secret: string
  readonly payload: Readonly<Record<string, unknown>>
}

const CHUNK = 20

const PRIVATE = /^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\])/

function refusePrivate(url: string): void {
  const { hostname } = new URL(url)
  if (PRIVATE.test(hostname)) throw new Error(`Request to internal IP address ${hostname} is not allowed.`)
}

export interface DispatcherOptions {
  readonly webhooks: Webhooks
  readonly workspaceId: string
  readonly faults: Faults
  readonly clock: SandboxClock
  readonly send: Send
  readonly random: () => number
  readonly ledgerLimit: number
}

/** Turns changes into POSTs: one per webhook and record, chunks of 20 at once, one try each. */
export class Dispatcher {
  deliveries: Delivery[] = []
  readonly #options: DispatcherOptions
  #open = 0
  #waiting: { until: () => boolean; resolve(): void }[] = []
  #sentAt: number[] = []
  #held: (() => void)[] = []

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  recordsChanged(batch: ChangeBatch): void {
    const { versions } = this.#options.faults
    const names = recordSubscriptions(
      batch.object.nameSingular,
      batch.action,
      versions.workflowRunNeedsExactSubscription,
    )
    const jobs: Job[] = []
    for (const webhook of this.#options.webhooks.list()) {
      if (!subscribed(webhook, names)) continue
      const context = { ...this.#context(), withSearchVector: versions.searchVectorInRecord }
      for (const change of batch.changes)
        jobs.push({
          webhookId: webhook.id,
          url: webhook.targetUrl,
          secret: webhook.secret,
          payload: recordPayload(webhook, batch, change, context),
        })
    }
    this.#enqueue(jobs)
  }

  metadataChanged(event: MetadataEvent, caller: Caller): void {
    const names = metadataSubscriptions(event.metadataName, event.operation)
    const jobs = this.#options.webhooks
      .list()
      .filter(webhook => subscribed(webhook, names))
      .map(webhook => ({
        webhookId: webhook.id,
        url: webhook.targetUrl,
        secret: webhook.secret,
        payload: metadataPayload(webhook, event, caller, this.#context()),
      }))
    this.#enqueue(jobs)
  }

  /** Resolves when nothing is under way and, when given, at least `count` deliveries are in the ledger. */
  settled(count = 0): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ until: () => this.#open === 0 && this.deliveries.length >= count, resolve })
      this.#wake()
    })
  }

  #context() {
    const { workspaceId, clock, faults } = this.#options
    return { workspaceId, eventDate: new Date(serverNow(clock, faults)).toISOString() }
  }

  /** After the call's own answer, as the real queue does: the chunks start on a later turn of the loop. */
  #enqueue(jobs: readonly Job[]): void {
    this.#open += jobs.length
    for (let at = 0; at < jobs.length; at += CHUNK) {
      const chunk = jobs.slice(at, at + CHUNK)
      setImmediate(() => {
        for (const job of chunk) this.#take(job)
      })
    }
  }

  #take(job: Job): void {
    const faults = this.#options.faults.webhooks
    const { clock, random } = this.#options
    if (this.#drops()) {
      this.#finish(job, {}, JSON.stringify(job.payload), 'dropped', null, null)
      return
    }
    const copies = 1 + faults.duplicates + Number(random() < faults.duplicateRate)
    this.#open += copies - 1
    for (let copy = 0; copy < copies; copy++) {
      const go = () => void this.#send(job)
      const delay = faults.delayMs + random() * faults.jitterMs
      if (faults.reorderWithinMs > 0) this.#hold(go, faults.reorderWithinMs)
      else if (delay > 0) clock.after(delay, go)
      else go()
    }
  }

  /** Held deliveries leave together, the latest first. */
  #hold(go: () => void, ms: number): void {
    this.#held.push(go)
    if (this.#held.length > 1) return
    this.#options.clock.after(ms, () => {
      for (const each of this.#held.splice(0).reverse()) each()
    })
  }

  #drops(): boolean {
    const faults = this.#options.faults.webhooks
    if (faults.dropNext > 0) {
      faults.dropNext--
      return true
    }
    if (this.#options.random() < faults.dropRate) return true
    if (faults.capPerMinute === null) return false
    const now = this.#options.clock.now()
    this.#sentAt = this.#sentAt.filter(at => at > now - 60_000)
    if (this.#sentAt.length >= faults.capPerMinute) return true
    this.#sentAt.push(now)
    return false
  }

  async #send(job: Job): Promise<void> {
    const { clock, faults, send } = this.#options
    const body = JSON.stringify(job.payload)
    const secret = job.secret !== '' && faults.webhooks.wrongSignature ? `${job.secret}-wrong` : job.secret
    const timestamp = clock.now() + faults.clock.skewMs + faults.webhooks.timestampSkewMs
    const headers = deliveryHeaders(secret, timestamp, body)
    try {
      if (faults.webhooks.refusePrivateTargets) refusePrivate(job.url)
      const status = await send(job.url, headers, body)
      this.#finish(job, headers, body, status >= 200 && status < 300 ? 'delivered' : 'failed', status, null)
    } catch (error) {
      this.#finish(job, headers, body, 'failed', null, error instanceof Error ? error.message : String(error))
    }
  }

  #finish(
    job: Job,
    headers: Readonly<Record<string, string>>,
    body: string,
    outcome: Delivery['outcome'],
    status: number | null,
    error: string | null,
  ): void {
    const { payload } = job
    this.deliveries.push({
      webhookId: job.webhookId,
      url: job.url,
      eventName: String(payload.eventName),
      recordId: (payload.record as { id?: string } | undefined)?.id ?? null,
      body,
      headers,
      at: this.#options.clock.now(),
      outcome,
      status,
      error,
    })
    const { ledgerLimit } = this.#options
    if (this.deliveries.length > ledgerLimit * 1.2) this.deliveries = this.deliveries.slice(-ledgerLimit)
    this.#open--
    this.#wake()
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ until, resolve }) => {
      if (!until()) return true
      resolve()
      return false
    })
  }
}
