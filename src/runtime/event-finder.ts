import type { Expression } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import { actionOf, recordIdOf } from '../event.ts'
import type { EventLog, LoggedEvent, StartPosition } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Assembly } from './assemble.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import type { DeadLetters } from './dead-letters.ts'
import { FlowKeys } from './flow-keys.ts'
import type { EventStory, EventSummary, Outcome } from './operations.ts'
import { eventView, type RunRecord } from './run.ts'
import { hasMemory } from './step.ts'

type FlowStory = EventStory['flows'][number]

/** Finds events in the log, and what the flows did with them. Reads only. */
export class EventFinder {
  readonly #log: EventLog
  readonly #state: StateStore
  readonly #assembly: Assembly
  readonly #deadLetters: DeadLetters

  constructor(options: { log: EventLog; state: StateStore; assembly: Assembly; deadLetters: DeadLetters }) {
    this.#log = options.log
    this.#state = options.state
    this.#assembly = options.assembly
    this.#deadLetters = options.deadLetters
  }

  /** Topics that connectors write. @throws SyncError `NO_SUCH_TOPIC` */
  sourceTopics(topic?: string): string[] {
    const all = [...this.#assembly.connectors].flatMap(([name, connector]) =>
      connector.objects.map(object => this.#assembly.names.source(name, object)),
    )
    if (topic === undefined) return all
    const full = [topic, `${this.#assembly.names.prefix}.${topic}`].find(
      name => all.includes(name) || isOwn(name, this.#assembly),
    )
    if (!full) throw new SyncError('rejected', 'NO_SUCH_TOPIC', `no topic "${topic}"; there are ${all.join(', ')}`)
    return [full]
  }

  async list(query: {
    topic?: string
    limit?: number
    from?: StartPosition
    where?: Expression
  }): Promise<EventSummary[]> {
    const limit = query.limit ?? 20
    const found: LoggedEvent[] = []
    for (const topic of this.sourceTopics(query.topic)) found.push(...(await this.#newest(topic, limit, query)))
    return found
      .sort((a, b) => a.appendedAt - b.appendedAt || a.offset - b.offset)
      .slice(-limit)
      .map(summaryOf)
  }

  /** The newest of a topic. Without a filter, only the tail of each partition is read. */
  async #newest(
    topic: string,
    limit: number,
    query: { from?: StartPosition; where?: Expression },
  ): Promise<LoggedEvent[]> {
    const kept: LoggedEvent[] = []
    const [info] = await this.#log.describe([topic])
    const tail = Object.fromEntries(
      (info?.partitions ?? []).map(({ partition, begin, end }) => [partition, Math.max(begin, end - limit)]),
    )
    const from = query.from ?? (query.where ? 'earliest' : { offsets: tail })
    for await (const logged of this.#log.read(topic, { from })) {
      if (query.where && !matches(query.where, logged)) continue
      kept.push(logged)
      if (kept.length > 4 * limit) kept.splice(0, kept.length - limit)
    }
    return kept.slice(-limit)
  }

  async story(id: string): Promise<EventStory> {
    const logged = await this.#find(id)
    const { event } = logged
    return {
      ...summaryOf(logged),
      data: event.data,
      ...(event.extensions && { extensions: event.extensions }),
      flows: await this.storiesOf(logged),
    }
  }

  /** What the flows did with an event that was found. */
  storiesOf(logged: LoggedEvent): Promise<FlowStory[]> {
    const flows = this.#assembly.flows.map(({ compiled }) => compiled).filter(flow => flow.topics.has(logged.topic))
    return Promise.all(flows.map(flow => this.#flowStory(flow, logged)))
  }

  /** The events of a record that the log still has. `count` of all, and the newest. */
  async newestOf(topic: string, recordId: string): Promise<{ count: number; newest?: LoggedEvent }> {
    let count = 0
    let newest: LoggedEvent | undefined
    for await (const logged of this.#log.read(topic)) {
      if (recordIdOf(logged.event) !== recordId) continue
      count++
      // Of one record all are in one partition, unless their number was changed.
      if (!newest || logged.appendedAt >= newest.appendedAt) newest = logged
    }
    return { count, ...(newest && { newest }) }
  }

  /** The same events, oldest first. */
  async allOf(topic: string, recordId: string): Promise<EventSummary[]> {
    const found: EventSummary[] = []
    for await (const logged of this.#log.read(topic))
      if (recordIdOf(logged.event) === recordId) found.push(summaryOf(logged))
    return found
  }

  /** By id; those that the log has no more are left out. */
  async withIds(topic: string, ids: Iterable<string>): Promise<Map<string, EventSummary>> {
    const wanted = new Set(ids)
    const found = new Map<string, EventSummary>()
    if (wanted.size === 0) return found
    for await (const logged of this.#log.read(topic)) {
      if (!wanted.delete(logged.event.id)) continue
      found.set(logged.event.id, summaryOf(logged))
      if (wanted.size === 0) break
    }
    return found
  }

  async #find(id: string): Promise<LoggedEvent> {
    const place = /^(.+)\/(\d+)\/(\d+)$/.exec(id)
    if (place) return this.#at(place[1]!, Number(place[2]), Number(place[3]))
    const found: LoggedEvent[] = []
    for (const topic of this.sourceTopics()) {
      for await (const logged of this.#log.read(topic)) {
        if (logged.event.id.startsWith(id) && !found.some(other => other.event.id === logged.event.id))
          found.push(logged)
      }
    }
    if (found.length === 1) return found[0]!
    if (found.length === 0)
      throw new SyncError(
        'rejected',
        'NO_SUCH_EVENT',
        `no event "${id}" in the topics; \`events list\` shows what there is`,
      )
    throw new SyncError('rejected', 'AMBIGUOUS_EVENT', `"${id}" begins ${found.length} ids; give more of it`)
  }

  async #at(topic: string, partition: number, offset: number): Promise<LoggedEvent> {
    const [name] = this.sourceTopics(topic)
    const range = {
      partition,
      from: { offsets: { [partition]: offset } },
      to: { offsets: { [partition]: offset + 1 } },
    }
    for await (const logged of this.#log.read(name!, range)) if (logged.offset === offset) return logged
    throw new SyncError('rejected', 'NO_SUCH_EVENT', `no event at ${topic}/${partition}/${offset}`)
  }

  async #flowStory(flow: CompiledFlow, logged: LoggedEvent): Promise<FlowStory> {
    const actions = flow.topics.get(logged.topic)
    if (actions && !actions.has(actionOf(logged.event))) {
      return { flow: flow.name, outcome: 'not taken', reason: `reads only ${[...actions].join(', ')}`, steps: [] }
    }
    const keys = new FlowKeys(flow.identity)
    const parkedKey = keys.parked(logged.topic, logged.partition, logged.offset)
    const collectedKey = keys.collected(logged.topic, logged.partition, logged.offset)
    const [run, parked, collected] = await this.#state.get([keys.run(logged.event.id), parkedKey, collectedKey])
    const record = run?.value as RunRecord | undefined
    const steps = stepsOf(record)
    if (parked) {
      const { code, message, dueAt } = parked.value as { code: string; message: string; dueAt: number }
      const reason = `${code} ${message}`.trim()
      return { flow: flow.name, outcome: 'parked', at: new Date(dueAt).toISOString(), reason, steps }
    }
    if (collected && !record)
      return { flow: flow.name, outcome: 'waiting', reason: 'for the end of its window', steps: [] }
    if (record?.status === 'dead') return this.#deadStory(flow, logged, record)
    if (record) {
      const outcome: Outcome = record.status === 'running' ? 'running' : record.skip ? 'skipped' : 'done'
      return { flow: flow.name, outcome, at: record.at, ...(record.skip && { reason: record.skip }), steps }
    }
    return this.#unrecorded(flow, logged)
  }

  async #deadStory(flow: CompiledFlow, logged: LoggedEvent, record: RunRecord): Promise<FlowStory> {
    const letters = await this.#deadLetters.list(flow.identity)
    const letter = letters.find(({ letter }) => letter.event.id === logged.event.id && !letter.item)?.letter
    return {
      flow: flow.name,
      outcome: 'dead letter',
      at: record.at,
      ...(letter && { reason: `${letter.code} at ${letter.step}: ${letter.message}`, deadLetter: letter.id }),
      steps: stepsOf(record),
    }
  }

  async #unrecorded(flow: CompiledFlow, logged: LoggedEvent): Promise<FlowStory> {
    const [info] = await this.#log.describe([logged.topic])
    const committed = info?.groups.find(({ group }) => group === flow.group)?.committed[logged.partition]
    if (committed === undefined || committed <= logged.offset) return { flow: flow.name, outcome: 'waiting', steps: [] }
    const collects = flow.collect ? 'a later event of its record ran in its place, ' : ''
    const reason = hasMemory(flow.steps)
      ? `${collects}filtered, a duplicate, an echo of its own write, or already as wanted`
      : 'the flow has no effects, so it keeps no record of its events'
    return { flow: flow.name, outcome: 'without effect', reason, steps: [] }
  }
}

function stepsOf(record: RunRecord | undefined): FlowStory['steps'] {
  return Object.entries(record?.steps ?? {}).map(([step, { ref, skipped, open }]) => ({
    step,
    ...(ref && { wrote: `${ref.object}/${ref.id}` }),
    ...(skipped && { skipped }),
    ...(open && { open }),
  }))
}

function isOwn(topic: string, assembly: Assembly): boolean {
  return assembly.topics.some(({ name }) => name === topic)
}

export function matches(where: Expression, { event }: LoggedEvent): boolean {
  try {
    return where.evaluate({ event: eventView(event), data: event.data }) === true
  } catch {
    return false
  }
}

export function placeOf({ topic, partition, offset }: Pick<LoggedEvent, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`
}

export function summaryOf({ topic, partition, offset, appendedAt, event }: LoggedEvent): EventSummary {
  const { id, type, subject, time, changed } = event
  return {
    topic,
    partition,
    offset,
    appendedAt: new Date(appendedAt).toISOString(),
    id,
    type,
    subject,
    time,
    ...(changed && { changed }),
  }
}
