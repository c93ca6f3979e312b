import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { CallOptions, Send } from './calls.ts'
import { isFields, listed, objectsFrom } from './metadata.ts'
import { allMetadata } from './metadata-list.ts'
import { type ObjectData, TwentySchema } from './schema.ts'

/** Another instance may have refreshed it. */
const LOOK_AGAIN_MS = 60_000
/** Refreshes that a mistake asks for, not a metadata event: no more often than this. */
const ON_DEMAND_MS = 60_000

interface Cached {
  readonly fetchedAt: number
  readonly objects: readonly ObjectData[]
}

/**
 * The workspace's field list: in memory, in the state for all instances and for a start while Twenty is away, and
 * fetched when neither has it.
 */
export class SchemaCache {
  readonly #key: string
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #send: Send
  #known: { schema: TwentySchema; fetchedAt: number; lookedAt: number } | undefined
  #fetching: Promise<TwentySchema> | undefined

  constructor(options: { system: string; state: StateStore; clock: Clock; send: Send }) {
    this.#key = `{system/${options.system}}:metadata`
    this.#state = options.state
    this.#clock = options.clock
    this.#send = options.send
  }

  /** What was read last, however old; undefined before the first read of this process. For what cannot wait. */
  get latest(): TwentySchema | undefined {
    return this.#known?.schema
  }

  /** @throws SyncError when it is cached nowhere and Twenty does not give it. */
  async get(options?: CallOptions): Promise<TwentySchema> {
    if (this.#known && this.#clock.elapsed() - this.#known.lookedAt < LOOK_AGAIN_MS) return this.#known.schema
    return (await this.#fromState()) ?? this.refresh(options)
  }

  /** The field list without waiting for Twenty; undefined when it was never fetched. */
  async cached(): Promise<TwentySchema | undefined> {
    if (this.#known && this.#clock.elapsed() - this.#known.lookedAt < LOOK_AGAIN_MS) return this.#known.schema
    return this.#fromState()
  }

  /** Fetches it anew; calls at the same time share one fetch. */
  refresh(options?: CallOptions): Promise<TwentySchema> {
    this.#fetching ??= this.#fetch(options).finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  /** After an unknown name: the newest field list, unless it was fetched a moment ago. */
  async refreshOnDemand(options?: CallOptions): Promise<TwentySchema> {
    const known = await this.get(options)
    const age = this.#known ? this.#clock.now() - this.#known.fetchedAt : Number.POSITIVE_INFINITY
    return age < ON_DEMAND_MS ? known : this.refresh(options)
  }

  async #fromState(): Promise<TwentySchema | undefined> {
    const [entry] = await this.#state.get([this.#key])
    if (!isCached(entry?.value)) return undefined
    const same = this.#known?.fetchedAt === entry.value.fetchedAt
    const schema = same ? this.#known!.schema : new TwentySchema(entry.value.objects)
    this.#known = { schema, fetchedAt: entry.value.fetchedAt, lookedAt: this.#clock.elapsed() }
    return schema
  }

  async #fetch(options?: CallOptions): Promise<TwentySchema> {
    const objects = await allMetadata(this.#send, 'objects', {}, options)
    const bare =
      objects.length > 0 && objects.every(object => listed(object.fields ?? object.fieldsList, 'fields').length === 0)
    const data = objectsFrom(objects, bare ? await allMetadata(this.#send, 'fields', {}, options) : [])
    if (data.length === 0) {
      const message = 'Twenty lists no objects under /rest/metadata/objects; is the url that of the Twenty server?'
      throw new SyncError('retryable', 'INVALID_ANSWER', message)
    }
    const fetchedAt = this.#clock.now()
    await this.#state.commit([{ key: this.#key, value: { fetchedAt, objects: data } satisfies Cached }])
    this.#known = { schema: new TwentySchema(data), fetchedAt, lookedAt: this.#clock.elapsed() }
    return this.#known.schema
  }
}

function isCached(value: unknown): value is Cached {
  return isFields(value) && typeof value.fetchedAt === 'number' && Array.isArray(value.objects)
}
