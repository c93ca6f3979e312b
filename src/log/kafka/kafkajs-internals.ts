import { createRequire } from 'node:module'
import type { ConnectionOptions } from 'node:tls'
import type { ISocketFactory, Logger as KafkaLogger, RetryOptions, SASLOptions } from 'kafkajs'
import { decodeRecord, type FetchedMessage } from './record-decoder.ts'

/**
 * The layer of kafkajs 2.2.4 below its consumer: connections, metadata and the requests of the protocol.
 * Its consumer rejoins a group before the application could finish what it has in hand, and dies quietly; ours is built
 * on these instead. kafkajs is pinned to this very version, so the paths are as stable as its public ones.
 */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  getNodeIds(): string[]
  findBroker(broker: { nodeId: string | number }): Promise<Broker>
  findGroupCoordinator(group: { groupId: string }): Promise<Broker>
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[]
  fetchTopicsOffset(
    topics: readonly {
      topic: string
      partitions: readonly { partition: number }[]
      fromBeginning?: boolean
      fromTimestamp?: number
    }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>
  readonly brokerPool: {
    /** By key of request; what is missing the brokers cannot do. */
    readonly versions: Readonly<Record<number, unknown>> | null
    findConnectedBroker(): Promise<Broker>
  }
}

export interface PartitionMetadata {
  readonly partitionId: number
  /** -1 while none is elected. */
  readonly leader: number
}

export interface Broker {
  /** Whether asking for a topic's metadata may create it. */
  allowAutoTopicCreation: boolean
  metadata(topics: readonly string[]): Promise<{
    topicMetadata: { topic: string; partitionMetadata: PartitionMetadata[] }[]
  }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    groupProtocols: readonly { name: string; metadata: Buffer }[]
  }): Promise<{
    generationId: number
    leaderId: string
    memberId: string
    members: { memberId: string; memberMetadata: Buffer }[]
  }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
  offsetCommit(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
    topics: readonly TopicOffsets[]
  }): Promise<unknown>
  offsetFetch(request: {
    groupId: string
    topics: readonly { topic: string; partitions: readonly { partition: number }[] }[]
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>
  describeGroups(request: { groupIds: readonly string[] }): Promise<{
    groups: { groupId: string; state: string; members: unknown[] }[]
  }>
  listGroups(): Promise<{ groups: { groupId: string; protocolType: string }[] }>
  readonly connectionPool: { send<T>(request: ProtocolRequest<T>): Promise<T> }
  /** The request in the newest version that both sides know. */
  lookupRequest<R, T>(apiKey: number, versions: RequestVersions<R, T>): (request: R) => ProtocolRequest<T>
  disconnect(): Promise<void>
}

export interface FetchRequest {
  readonly maxWaitTime: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: number
  readonly topics: readonly {
    topic: string
    partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[]
  }[]
}

export interface FetchAnswer {
  readonly responses: readonly { topicName: string; partitions: readonly FetchedPartition[] }[]
}

/** What kafkajs knows of one kind of request. */
export interface RequestVersions<R, T> {
  readonly versions: readonly string[]
  protocol(options: { version: string }): (request: R) => ProtocolRequest<T>
}

export interface TopicOffsets {
  readonly topic: string
  readonly partitions: readonly { partition: number; offset: string }[]
}

export interface FetchedPartition {
  readonly partition: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly messages: readonly FetchedMessage[]
}

/** What a fetch brought for one partition, without aborted transactions and control records. */
export interface Batch {
  readonly messages: readonly FetchedMessage[]
  /** With them, from the requested offset on. */
  readonly messagesWithinOffset: readonly FetchedMessage[]
}

export interface ProtocolRequest<T> {
  readonly request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<Encoder> }
  readonly response: { decode(raw: Buffer): Promise<T>; parse(data: T): Promise<T> }
}

export interface Encoder {
  writeString(text: string): Encoder
  writeInt32(value: number): Encoder
  writeArray(values: readonly (Encoder | number)[]): Encoder
}

export interface Decoder {
  readInt16(): number
  readInt32(): number
  readString(): string
  readArray<T>(read: (decoder: Decoder) => T): T[]
}

export interface ClusterOptions {
  readonly logger: KafkaLogger
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly ssl?: ConnectionOptions | boolean
  readonly sasl?: SASLOptions
  readonly retry: RetryOptions
  readonly socketFactory: ISocketFactory
  readonly connectionTimeout: number
  readonly authenticationTimeout: number
  readonly reauthenticationThreshold: number
  readonly requestTimeout: number
  readonly enforceRequestTimeout: boolean
  readonly metadataMaxAge: number
  readonly allowAutoTopicCreation: boolean
  readonly maxInFlightRequests: number | null
  readonly isolationLevel: number
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

const load = createRequire(import.meta.url)

export const KafkaCluster = load('kafkajs/src/cluster') as new (options: ClusterOptions) => Cluster
export const FetchedBatch = load('kafkajs/src/consumer/batch') as new (
  topic: string,
  fetchOffset: string,
  partition: FetchedPartition,
) => Batch
export const FETCH_VERSIONS = load('kafkajs/src/protocol/requests/fetch') as RequestVersions<FetchRequest, FetchAnswer>
export const KafkaEncoder = load('kafkajs/src/protocol/encoder') as new () => Encoder
export const KafkaDecoder = load('kafkajs/src/protocol/decoder') as new (raw: Buffer) => Decoder
export const errorOfCode = (load('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error })
  .createErrorFromCode
export const defaultSocketFactory = load('kafkajs/src/network/socketFactory') as () => ISocketFactory
export const createKafkaLogger = (
  load('kafkajs/src/loggers') as {
    createLogger(options: { level: number; logCreator: () => (entry: KafkaLogEntry) => void }): KafkaLogger
  }
).createLogger

export interface KafkaLogEntry {
  readonly namespace: string
  /** 1 error, 2 warning, 4 information, 5 debug. */
  readonly level: number
  readonly log: Readonly<Record<string, unknown>> & { readonly message: string }
}

/** Records of aborted transactions are not seen. */
export const READ_COMMITTED = 1

/**
 * After every answer kafkajs sets a timer of minus 1.8e12 ms, of which Node 24 warns, to look at a queue that is empty.
 * @see https://github.com/tulios/kafkajs/issues/1751
 */
const queue = (load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }).prototype
const schedule = queue.scheduleCheckPendingRequests
queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this)
}

/** kafkajs loads what unpacks an answer with the first one, and takes what is here by then. */
const RECORD_DECODER = load.resolve('kafkajs/src/protocol/recordBatch/record/v0/decoder')
load(RECORD_DECODER)
load.cache[RECORD_DECODER]!.exports = decodeRecord
