import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { KafkaClient } from './client.ts'
import { commitOffsets, committedOffsets, NOBODY, type Offsets } from './group-offsets.ts'
import type { Cluster } from './kafkajs-internals.ts'
import { isUnsupported, logError, protocolErrorOf } from './log-error.ts'
import { deleteOffsets } from './offset-delete.ts'
import { type KafkaTimings, within } from './timings.ts'

const TRIES = 8
const PAUSE_MS = 50
const UNSETTLED = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
])

/** Keys of requests. */
const CREATE_TOPICS = 19
const DESCRIBE_CONFIGS = 32

/** Questions about topics, offsets and groups, over connections of their own, which are renewed after any failure. */
export class KafkaControl {
  readonly #client: KafkaClient
  readonly #clock: Clock
  readonly #timings: KafkaTimings
  #cluster: Cluster | undefined

  constructor(client: KafkaClient, clock: Clock, timings: KafkaTimings) {
    this.#client = client
    this.#clock = clock
    this.#timings = timings
  }

  /** Whether the brokers have requests to create and configure topics. @throws SyncError where they have not said so yet. */
  async managesTopics(): Promise<boolean> {
    const doing = 'cannot ask what the brokers can do'
    return this.#run(doing, async cluster => {
      const { versions } = cluster.brokerPool
      // Taken for brokers that cannot, a topic's limit would be guessed, and what it takes refused.
      if (!versions) throw new SyncError('retryable', 'LOG_UNAVAILABLE', `${doing}: they have not answered`)
      return versions[CREATE_TOPICS] !== undefined && versions[DESCRIBE_CONFIGS] !== undefined
    })
  }

  /** For brokers that have no request to create topics, and make them when asked about them. */
  async createByAsking(topics: readonly string[]): Promise<void> {
    await this.#run(`cannot create topics ${topics.join(', ')}`, async cluster => {
      const broker = await cluster.brokerPool.findConnectedBroker()
      broker.allowAutoTopicCreation = true
      await broker.metadata(topics)
      broker.allowAutoTopicCreation = false
    })
  }

  /** Partitions of every topic. */
  async topics(): Promise<Map<string, number[]>> {
    return this.#run('cannot list topics', async cluster => {
      const broker = await cluster.brokerPool.findConnectedBroker()
      const { topicMetadata } = await broker.metadata([])
      const partitions = topicMetadata.map(({ topic, partitionMetadata }): [string, number[]] => [
        topic,
        partitionMetadata.map(({ partitionId }) => partitionId).sort((a, b) => a - b),
      ])
      return new Map(partitions)
    })
  }

  /** Undefined where the topic does not exist. */
  async partitions(topic: string): Promise<number[] | undefined> {
    return (await this.topics()).get(topic)
  }

  /** For each partition the oldest kept, the next to be written, or the first appended at `time` or later. */
  async offsets(topic: string, at: 'begin' | 'end' | { time: number }): Promise<Offsets> {
    const partitions = ((await this.partitions(topic)) ?? []).map(partition => ({ partition }))
    if (partitions.length === 0) return new Map()
    return this.#run(`cannot look up offsets of topic "${topic}"`, async cluster => {
      await cluster.addMultipleTargetTopics([topic])
      const look = async (where: { fromBeginning?: boolean; fromTimestamp?: number }) => {
        const [found] = await cluster.fetchTopicsOffset([{ topic, partitions, ...where }])
        return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
      }
      if (at === 'begin') return look({ fromBeginning: true })
      const end = await look({ fromBeginning: false })
      if (at === 'end') return end
      const found = await look({ fromTimestamp: at.time })
      // None so late: then it is the end.
      return new Map([...found].map(([partition, offset]) => [partition, offset >= 0 ? offset : end.get(partition)!]))
    })
  }

  /** Only partitions that have one. */
  async committed(group: string, topics: ReadonlyMap<string, readonly number[]>): Promise<Map<string, Offsets>> {
    return this.#run(`cannot read offsets of group "${group}"`, async cluster => {
      const broker = await cluster.findGroupCoordinator({ groupId: group })
      return committedOffsets(broker, group, topics)
    })
  }

  async groups(): Promise<string[]> {
    return this.#run('cannot list groups', async cluster => {
      const lists = cluster.getNodeIds().map(async nodeId => {
        const broker = await cluster.findBroker({ nodeId })
        return broker.listGroups().catch(error => {
          if (isUnsupported(error)) return { groups: [] }
          throw error
        })
      })
      const found = (await Promise.all(lists)).flatMap(({ groups }) => groups)
      // A group that only ever had offsets set has no protocol.
      return found.filter(({ protocolType }) => ['consumer', ''].includes(protocolType)).map(({ groupId }) => groupId)
    })
  }

  /** @throws SyncError rejected `GROUP_IN_USE`. */
  async setOffsets(group: string, topic: string, offsets: Offsets | undefined): Promise<void> {
    const partitions = (await this.partitions(topic)) ?? []
    await this.#run(`cannot set offsets of group "${group}"`, async cluster => {
      const broker = await cluster.findGroupCoordinator({ groupId: group })
      const { groups } = await broker.describeGroups({ groupIds: [group] })
      if (groups.some(({ members }) => members.length > 0)) {
        const message = `group "${group}" is being read on topic "${topic}": pause the flow first`
        throw new SyncError('rejected', 'GROUP_IN_USE', message)
      }
      if (offsets) await commitOffsets(broker, group, NOBODY, new Map([[topic, offsets]]))
      else await deleteOffsets(broker, group, topic, partitions)
    })
  }

  async close(): Promise<void> {
    const cluster = this.#cluster
    this.#cluster = undefined
    await cluster?.disconnect().catch(() => {})
  }

  async #run<T>(what: string, work: (cluster: Cluster) => Promise<T>): Promise<T> {
    const doing = this.#client.at(what)
    try {
      return await within(this.#clock, this.#timings.requestMs, doing, this.#persist(work))
    } catch (error) {
      // Its metadata may name brokers and topics that are gone, and it would ask for them for ever.
      void this.close()
      throw logError(error, doing)
    }
  }

  /** Tries again while the cluster is still making up its mind about leaders and coordinators, as after a creation. */
  async #persist<T>(work: (cluster: Cluster) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.#cluster ??= this.#client.newCluster()
      const cluster = this.#cluster
      let wasConnected = false
      try {
        await cluster.connect()
        await cluster.refreshMetadataIfNecessary()
        wasConnected = true
        return await work(cluster)
      } catch (error) {
        if (this.#cluster === cluster) void this.close()
        // What failed beside it has closed the connections that it used.
        const isClosed = wasConnected && !cluster.brokerPool.versions
        if (attempt === TRIES || !(isClosed || UNSETTLED.has(protocolErrorOf(error) ?? ''))) throw error
        await this.#clock.sleep(PAUSE_MS * attempt)
      }
    }
  }
}
