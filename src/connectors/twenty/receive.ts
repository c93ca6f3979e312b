import type { TwentyClient } from '../../clients/twenty/client.ts'
import type { TwentyConfig } from '../../clients/twenty/config.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import { instantOf } from '../../clients/twenty/times.ts'
import { type ConnectorContext, durationMs } from '../../config/definition.ts'
import { asSyncError } from '../../errors.ts'
import type { IncomingRequest, Received } from '../connector.ts'
import { type KnownRecords, recordHash } from '../known-records.ts'
import { canonicalRecord } from './canonical-record.ts'
import { changedOf, isAction, parseDelivery, type WebhookDelivery } from './delivery.ts'
import { type Action, eventOf } from './events.ts'
import { type SignatureOptions, verifySignature } from './signature.ts'

type RecordDelivery = Extract<WebhookDelivery, { about: 'record' }>

/** Quiet time after a change of the data model. */
const REFRESH_MS = 500

/** Turns deliveries of Twenty's webhook into events. Twenty repeats nothing, so nothing here waits for Twenty. */
export class Receiver {
  readonly #context: ConnectorContext
  readonly #client: TwentyClient
  readonly #records: KnownRecords
  readonly #signature: SignatureOptions
  readonly #objects: ReadonlySet<string>
  #cancelRefresh: (() => void) | undefined

  constructor(config: TwentyConfig, context: ConnectorContext, records: KnownRecords) {
    this.#context = context
    this.#client = context.client as TwentyClient
    this.#records = records
    this.#objects = new Set(context.objects)
    this.#signature = {
      secrets: [...(config.webhookSecret ? [config.webhookSecret] : []), ...(config.previousWebhookSecrets ?? [])],
      unsigned: config.unsigned ?? false,
      toleranceMs: durationMs(config.webhookTolerance ?? '5m'),
    }
  }

  /** @throws SyncError rejected with status 401 or 400. */
  async receive(request: IncomingRequest): Promise<Received> {
    verifySignature(request, this.#signature)
    const delivery = parseDelivery(request.body)
    if (delivery.about === 'metadata') {
      this.#refreshSchema()
      return { events: [], dropped: 'metadata' }
    }
    const { object, action } = delivery
    if (!this.#objects.has(object)) return { events: [], dropped: 'unused-object' }
    if (!isAction(action)) return { events: [], dropped: 'unknown-action' }
    return this.#received(delivery, action, await this.#object(object))
  }

  #received(delivery: RecordDelivery, action: Action, object: TwentyObject | undefined): Received {
    const { record, time, extensions } = delivery
    const changed = changedOf(delivery.updatedFields, record, object)
    const canonical = canonicalRecord(record, object)
    const hash = recordHash(canonical)
    const appended = () => {
      const t = instantOf(record.updatedAt)
      const seen = { object: delivery.object, id: record.id }
      if (action === 'destroyed') this.#records.note(seen)
      else if (t !== undefined) {
        this.#records.note({ ...seen, state: { t, deleted: Boolean(record.deletedAt), hash, canonical } })
      }
    }
    if (action === 'updated' && changed?.length === 0) return { events: [], dropped: 'position-only', appended }
    const learnt = { via: 'webhook', extensions } as const
    const parts = { system: this.#context.name, object: delivery.object, action, record, hash, time, ...learnt }
    const lists = action === 'updated' || action === 'deleted' || action === 'restored'
    return { events: [eventOf({ ...parts, ...(lists && changed && { changed }) })], appended }
  }

  /** Whatever is known without asking Twenty; nothing, before the field list was ever fetched. */
  async #object(name: string): Promise<TwentyObject | undefined> {
    const schema = await this.#client.schemas.cached().catch(() => undefined)
    return schema?.objects.get(name)
  }

  /** Changes of the data model come in bursts; the list is read after the last of them. */
  #refreshSchema(): void {
    const { env, name } = this.#context
    this.#cancelRefresh?.()
    const refresh = () =>
      void this.#client.schemas.refresh().catch(thrown => {
        const { code, message } = asSyncError(thrown)
        env.logger.warn({ connector: name, code }, `the field list of ${name} could not be refreshed: ${message}`)
      })
    this.#cancelRefresh = env.clock.after(REFRESH_MS, refresh, { background: true })
  }
}
