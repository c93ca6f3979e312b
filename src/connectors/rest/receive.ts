import type { RestClient } from '../../clients/rest/client.ts'
import { contentOf, granularityMs, type RestRecord } from '../../clients/rest/record.ts'
import type { ConnectorContext } from '../../config/definition.ts'
import type { ChangeEvent } from '../../event.ts'
import { parseJson } from '../../json.ts'
import type { IncomingRequest, Received } from '../connector.ts'
import { type KnownRecords, recordHash } from '../known-records.ts'
import { createScheme } from '../webhook/verify.ts'
import { changesIn, type ToldChange, toldChange } from './delivery.ts'
import { eventOf, stateIdentity } from './events.ts'

interface Told {
  readonly event?: ChangeEvent
  readonly dropped?: string
  readonly appended?: () => void
}

/** Turns deliveries of an API into events. Nothing here asks the API: it may be slow, and the delivery must not be lost. */
export class Receiver {
  readonly #context: ConnectorContext
  readonly #client: RestClient
  readonly #records: KnownRecords
  readonly #scheme: ReturnType<typeof createScheme>

  constructor(context: ConnectorContext, records: KnownRecords, path: string) {
    const { publicUrl } = context
    this.#context = context
    this.#client = context.client as RestClient
    this.#records = records
    const { verify } = this.#client.config.webhook!
    this.#scheme = createScheme(verify, publicUrl && publicUrl.replace(/\/+$/, '') + path)
  }

  /** @throws SyncError rejected with status 401 or 400. */
  async receive(request: IncomingRequest): Promise<Received> {
    this.#scheme.verify(request)
    const body = parseJson(request.body)
    const told: Told[] = []
    for (const change of changesIn(body, this.#client.config.webhook?.items))
      told.push(await this.#told(change, body, request))
    const events = told.flatMap(({ event }) => event ?? [])
    const [dropped] = told.flatMap(each => each.dropped ?? [])
    return {
      events,
      ...(events.length === 0 && { dropped: dropped ?? 'empty' }),
      appended: () => {
        for (const { appended } of told) appended?.()
      },
    }
  }

  async #told(item: unknown, body: unknown, request: IncomingRequest): Promise<Told> {
    const change = toldChange(item, body, this.#client.config, request)
    if (!change) return { dropped: 'unknown-kind' }
    if (!this.#context.objects.includes(change.object)) return { dropped: 'unused-object' }
    const { record } = change
    if (change.action === 'deleted') return this.#deleted(change, request, item)
    if (!record) return { event: this.#incomplete(change, request, item) }
    return this.#present(change, record)
  }

  async #present(change: ToldChange, record: RestRecord): Promise<Told> {
    const { object, id, changed, resource } = change
    const t = record.updatedAt ?? this.#client.observedAt()
    const canonical = contentOf(record.data, resource)
    const hash = recordHash(canonical)
    const state = { t, deleted: record.deleted, hash, canonical }
    const appended = () => this.#records.note({ object, id, state })
    if (changed?.length === 0 && change.action === 'updated') return { dropped: 'ignored-fields', appended }
    const before = await this.#sameTime(change, t, hash)
    const identity = stateIdentity({ deleted: record.deleted, t, hash, ...(before !== undefined && { before }) })
    const action = record.deleted ? 'deleted' : change.action
    const event = this.#event(change, action, t, identity, record.data)
    return { event: changed && action === 'updated' ? { ...event, changed } : event, appended }
  }

  /** Where the API keeps a trash, only the record itself tells whether it lies there or is gone. */
  #deleted(change: ToldChange, request: IncomingRequest, item: unknown): Told | Promise<Told> {
    const { object, id, record, resource, timeMs } = change
    if (resource.deleted !== undefined) {
      return record?.deleted ? this.#present(change, record) : { event: this.#incomplete(change, request, item) }
    }
    const t = Math.max(timeMs ?? this.#now(), record?.updatedAt ?? 0)
    const told = timeMs === undefined ? this.#delivery(request, item) : ['at', String(t)]
    const event = this.#event(change, 'destroyed', t, ['destroyed', ...told], record?.data ?? { id })
    return { event, appended: () => this.#records.note({ object, id }) }
  }

  /** Says that something happened: whoever needs to know what has to read the record. */
  #incomplete(change: ToldChange, request: IncomingRequest, item: unknown): ChangeEvent {
    const action = change.action === 'created' ? 'created' : 'updated'
    const identity = ['incomplete', ...this.#delivery(request, item)]
    const event = this.#event(change, action, change.timeMs ?? this.#now(), identity, { id: change.id })
    const { changed } = change
    return { ...event, ...(changed && { changed }), extensions: { ...event.extensions, incomplete: 'true' } }
  }

  #event(
    change: ToldChange,
    action: Parameters<typeof eventOf>[0]['action'],
    timeMs: number,
    identity: readonly string[],
    data: ChangeEvent['data'],
  ): ChangeEvent {
    const { object, id, by } = change
    const extensions = { via: 'webhook', ...(by !== undefined && { actor: by }) }
    return eventOf({ system: this.#client.name, object, action, id, timeMs, identity, data, extensions })
  }

  /** The sender's own name for the delivery; without one every delivery counts. */
  #delivery(request: IncomingRequest, item: unknown): string[] {
    const fields = typeof item === 'object' && item !== null ? (item as ChangeEvent['data']) : {}
    return ['delivery', this.#scheme.deliveryId?.(request, fields) ?? this.#context.env.uuid()]
  }

  /** By the API's clock. */
  #now(): number {
    const { clock, clockOffset } = this.#client
    return Math.round(clock.now() + (clockOffset?.offsetMs ?? 0))
  }

  /** What the record said before at this very time, where times are so coarse that it may go back to it within one. */
  async #sameTime({ object, id, resource }: ToldChange, t: number, hash: string): Promise<string | undefined> {
    if (granularityMs(resource, undefined) <= 1 || resource.updatedAt === undefined) return undefined
    const [known] = await this.#records.of(object, [id]).catch(() => [])
    return known?.t === t && known.h !== hash ? known.h : undefined
  }
}
