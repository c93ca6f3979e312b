import kafkajs, { type Admin } from 'kafkajs'
import partition from 'lodash/partition.js'
import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import { DEFAULT_MAX_RECORD_BYTES, DEFAULT_PARTITIONS, type TopicSpec } from '../event-log.ts'
import type { KafkaClient, KafkaLogConfig } from './client.ts'
import type { KafkaControl } from './control.ts'
import { logError, protocolErrorOf } from './log-error.ts'
import { type KafkaTimings, within } from './timings.ts'

const { ConfigResourceTypes } = kafkajs

/** A topic's limit is on a whole record batch: value, key, headers and the batch's own fields. */
const BATCH_OVERHEAD_BYTES = 64 * 1024
const CREATE_MS = 15_000
const KNOWN_PAUSE_MS = 100

export interface TopicLimits {
  /** Largest value. */
  readonly maxRecordBytes: number
  /** Largest batch of records for one partition. */
  readonly maxBatchBytes: number
}

/** Creates topics and knows their limits. */
export class KafkaTopics {
  readonly #config: KafkaLogConfig
  readonly #client: KafkaClient
  readonly #control: KafkaControl
  readonly #clock: Clock
  readonly #timings: KafkaTimings
  readonly #limits = new Map<string, Promise<TopicLimits>>()
  #admin: Admin | undefined

  constructor(config: KafkaLogConfig, client: KafkaClient, control: KafkaControl, clock: Clock, timings: KafkaTimings) {
    this.#config = config
    this.#client = client
    this.#control = control
    this.#clock = clock
    this.#timings = timings
  }

  /** Creates those that do not exist; existing ones stay as they are. @returns those. */
  async create(specs: readonly TopicSpec[]): Promise<TopicSpec[]> {
    const known = await this.#control.topics()
    const [existing, missing] = partition([...new Map(specs.map(spec => [spec.name, spec])).values()], ({ name }) =>
      known.has(name),
    )
    if (missing.length > 0) await this.#create(missing)
    return existing
  }

  /** What topics that exist are asked to take and do not, for a person: nobody else's settings are changed. */
  async tooSmall(existing: readonly TopicSpec[]): Promise<string[]> {
    const asked = existing.filter(({ maxRecordBytes }) => maxRecordBytes !== undefined)
    const limits = await Promise.all(asked.map(({ name }) => this.limits(name)))
    return asked.flatMap(({ name, maxRecordBytes }, at) =>
      limits[at]!.maxRecordBytes < maxRecordBytes!
        ? [smallText(name, limits[at]!.maxRecordBytes, maxRecordBytes!)]
        : [],
    )
  }

  async #create(missing: readonly TopicSpec[]): Promise<void> {
    const names = missing.map(({ name }) => name)
    if (!(await this.#control.managesTopics())) return this.#control.createByAsking(names)
    await this.#run(`cannot create topics ${names.join(', ')}`, CREATE_MS, admin =>
      admin
        .createTopics({ topics: missing.map(spec => this.#creationOf(spec)), waitForLeaders: true, timeout: CREATE_MS })
        .catch((error: unknown) => {
          // Another instance was faster.
          if (isAboutExisting(error)) return
          // Created, and the broker that was asked for its leaders has not heard of it yet.
          if (protocolErrorOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return this.#untilKnown(names)
          throw error
        }),
    )
    for (const { name } of missing) this.#limits.delete(name)
  }

  /** Limits of the topic, which is created with the defaults when it does not exist. */
  limits(topic: string): Promise<TopicLimits> {
    let known = this.#limits.get(topic)
    if (!known) {
      known = this.#lookUp(topic)
      this.#limits.set(topic, known)
      known.catch(() => this.#limits.delete(topic))
    }
    return known
  }

  /** Asks again next time: the topic was deleted, or its limit changed. */
  forget(topic: string): void {
    this.#limits.delete(topic)
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = undefined
    await admin?.disconnect().catch(() => {})
  }

  /** As long as the creation may take. */
  async #untilKnown(names: readonly string[]): Promise<void> {
    const end = this.#clock.elapsed() + CREATE_MS
    for (;;) {
      const known = await this.#control.topics()
      if (names.every(name => known.has(name)) || this.#clock.elapsed() > end) return
      await this.#clock.sleep(KNOWN_PAUSE_MS)
    }
  }

  async #lookUp(topic: string): Promise<TopicLimits> {
    await this.create([{ name: topic }])
    if (!(await this.#control.managesTopics())) return limitsOf(DEFAULT_MAX_RECORD_BYTES + BATCH_OVERHEAD_BYTES)
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['max.message.bytes'] }
    const { resources } = await this.#run(`cannot look up topic "${topic}"`, this.#timings.requestMs, admin =>
      admin.describeConfigs({ includeSynonyms: false, resources: [resource] }),
    )
    const entry = resources[0]?.configEntries.find(({ configName }) => configName === 'max.message.bytes')
    return limitsOf(Number(entry?.configValue ?? DEFAULT_MAX_RECORD_BYTES + BATCH_OVERHEAD_BYTES))
  }

  #creationOf(spec: TopicSpec) {
    const { partitions, replication, minInsyncReplicas, retentionMs } = this.#config
    const entries: Record<string, string | number | undefined> = {
      'cleanup.policy': spec.compacted ? 'compact' : 'delete',
      'retention.ms': spec.compacted ? undefined : (spec.retentionMs ?? retentionMs),
      'max.message.bytes': (spec.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES) + BATCH_OVERHEAD_BYTES,
      // One clock decides what a time means: the broker's, whoever wrote the record.
      'message.timestamp.type': 'LogAppendTime',
      'min.insync.replicas': minInsyncReplicas,
    }
    const set = Object.entries(entries).filter(([, value]) => value !== undefined)
    return {
      topic: spec.name,
      numPartitions: spec.partitions ?? partitions ?? DEFAULT_PARTITIONS,
      replicationFactor: replication,
      configEntries: set.map(([name, value]) => ({ name, value: String(value) })),
    }
  }

  async #run<T>(what: string, ms: number, work: (admin: Admin) => Promise<T>): Promise<T> {
    const doing = this.#client.at(what)
    this.#admin ??= this.#client.kafka.admin()
    const admin = this.#admin
    try {
      return await within(
        this.#clock,
        ms,
        doing,
        admin.connect().then(() => work(admin)),
      )
    } catch (error) {
      if (this.#admin === admin) void this.close()
      const type = protocolErrorOf(error)
      if (type === 'INVALID_TOPIC_EXCEPTION' || type === 'INVALID_REPLICATION_FACTOR' || type === 'POLICY_VIOLATION') {
        const reason = error instanceof Error ? error.message : String(error)
        throw new SyncError('fatal', 'LOG_TOPIC', `${doing}: ${reason}: check log.prefix and log.replication`, {
          cause: error,
        })
      }
      throw logError(error, doing)
    }
  }
}

function smallText(topic: string, takes: number, asked: number): string {
  const raised = `set its max.message.bytes to ${asked + BATCH_OVERHEAD_BYTES}`
  return `topic "${topic}" exists and takes events of up to ${takes} bytes, and this config may write ${asked}: ${raised}`
}

function limitsOf(maxBatchBytes: number): TopicLimits {
  return { maxBatchBytes, maxRecordBytes: Math.max(1, maxBatchBytes - BATCH_OVERHEAD_BYTES) }
}

function isAboutExisting(error: unknown): boolean {
  const errors = error instanceof AggregateError || hasErrors(error) ? error.errors : [error]
  return errors.every(each => protocolErrorOf(each) === 'TOPIC_ALREADY_EXISTS')
}

function hasErrors(error: unknown): error is { errors: unknown[] } {
  return typeof error === 'object' && error !== null && 'errors' in error && Array.isArray(error.errors)
}
