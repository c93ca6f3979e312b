import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { type ChangeEvent, type Fields, RECEIVED, typeOf } from '../event.ts'
import { derivedId } from '../identity.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Assembly } from './assemble.ts'
import { summaryOf } from './event-finder.ts'
import { noSuch } from './no-such.ts'
import type { EventSummary } from './operations.ts'

export interface LaunchPlace {
  readonly connector: string
  /** Default: the connector's first. */
  readonly object?: string
  /** Default: `received`; of a connector with records, `updated`. */
  readonly action?: string
}

export interface LaunchOne extends LaunchPlace {
  readonly id?: string
  readonly data?: Fields
}

export interface LaunchList extends LaunchPlace {
  /** Of an earlier part of the same list; absent: a run begins. */
  readonly run?: string
  /** How many records earlier parts had. */
  readonly from?: number
  /** What every event has beside its record, whose own values go first. */
  readonly parameters?: Fields
  /** Absent: one event, of the parameters alone. */
  readonly records?: readonly Fields[]
}

export interface Launched {
  readonly run: string
  readonly topic: string
  readonly events: number
}

/** Makes events of what people launch by hand. */
export class Launcher {
  readonly #assembly: Assembly
  readonly #log: EventLog
  readonly #env: Environment

  constructor({ assembly, log, env }: { assembly: Assembly; log: EventLog; env: Environment }) {
    this.#assembly = assembly
    this.#log = log
    this.#env = env
  }

  /** @throws SyncError rejected `NO_SUCH_CONNECTOR`, `NO_SUCH_OBJECT`. */
  place(query: LaunchPlace) {
    const connector = this.#assembly.connectors.get(query.connector)
    if (!connector) throw noSuch('CONNECTOR', query.connector, [...this.#assembly.connectors.keys()])
    const object = query.object ?? connector.objects[0]
    if (!object || !connector.objects.includes(object)) throw noSuch('OBJECT', query.object ?? '', connector.objects)
    return { connector, object, topic: this.#assembly.names.source(query.connector, object) }
  }

  async one(query: LaunchOne): Promise<EventSummary> {
    const { topic, event } = this.made(query)
    await this.#log.append(topic, [event])
    return { ...summaryOf({ topic, partition: -1, offset: -1, appendedAt: this.#env.clock.now(), event }) }
  }

  /** What `one` would append. */
  made(query: LaunchOne): { readonly topic: string; readonly event: ChangeEvent } {
    const { topic } = this.place(query)
    const data = this.#checked(query, query.data)
    return { topic, event: this.#event(query, this.#env.uuid(), data, {}, query.id) }
  }

  async list(query: LaunchList): Promise<Launched> {
    const { topic } = this.place(query)
    const { records = [{}], from = 0, run = this.#begun() } = query
    const parameters = this.#checked(query, query.parameters ?? (query.records && {}))
    const events = records.map((record, at) => {
      // P3: a part that is sent again has the ids that it had.
      const id = derivedId('launch', query.connector, run, String(from + at))
      return this.#event(query, id, { ...parameters, ...record }, { run })
    })
    if (events.length > 0) await this.#log.append(topic, events)
    return { run, topic, events: events.length }
  }

  /** @throws SyncError rejected `DATA_MISSING` where there is none and the connector's events are nothing without. */
  #checked(query: LaunchPlace, data: Fields | undefined): Fields {
    const { launch } = this.place(query).connector
    if (data === undefined && !launch) {
      const message = `${query.connector} gives no events without data: say --data, or --list`
      throw new SyncError('rejected', 'DATA_MISSING', message)
    }
    launch?.check(data ?? {})
    return data ?? {}
  }

  #event(query: LaunchPlace, id: string, data: Fields, more: Record<string, string>, given?: string): ChangeEvent {
    const { connector, object } = this.place(query)
    const ofRecord = this.#assembly.config.connectors.get(query.connector)?.system !== undefined
    const key = given ?? connector.launch?.keyOf(data) ?? idOf(data.id) ?? id
    return {
      id,
      type: typeOf(query.connector, object, query.action ?? (ofRecord ? 'updated' : RECEIVED)),
      source: `/${query.connector}`,
      subject: `${object}/${key}`,
      time: new Date(this.#env.clock.now()).toISOString(),
      key,
      data,
      extensions: { triggered: 'true', ...more },
    }
  }

  /** The time comes first: it tells where in the topic to look for the run. */
  #begun(): string {
    const at = new Date(this.#env.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
    return `${at}-${this.#env.uuid().slice(0, 8)}`
  }
}

function idOf(value: unknown): string | undefined {
  return (typeof value === 'string' && value !== '') || Number.isSafeInteger(value) ? String(value) : undefined
}

/** When the run began, in milliseconds. @throws SyncError rejected `NO_SUCH_RUN` for what is no run. */
export function beginOf(run: string): number {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{8}$/.exec(run) ?? []
  const at = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)
  if (Number.isNaN(at)) {
    const message = `"${run}" is no run: \`trigger --list\` says what it is called, like 20261124T100000Z-1a2b3c4d`
    throw new SyncError('rejected', 'NO_SUCH_RUN', message)
  }
  return at
}
