import { ASSIGNER, type Assignment, assign, assignmentOf, subscriptionBytes, topicsOf } from './assignment.ts'
import { commitOffsets, committedOffsets, type Offsets } from './group-offsets.ts'
import type { Broker, Cluster } from './kafkajs-internals.ts'
import { protocolErrorOf } from './log-error.ts'
import type { KafkaTimings } from './timings.ts'

/** What the group's coordinator says of our membership. */
export type Standing = 'member' | 'rebalancing' | 'expelled'

/** One member of a consumer group, by the classic protocol. Errors are kafkajs's own. */
export class GroupMember {
  readonly #cluster: Cluster
  readonly #group: string
  readonly #topics: readonly string[]
  readonly #timings: KafkaTimings
  #coordinator: Broker | undefined
  #memberId = ''
  #generation = -1

  constructor(cluster: Cluster, group: string, topics: readonly string[], timings: KafkaTimings) {
    this.#cluster = cluster
    this.#group = group
    this.#topics = topics
    this.#timings = timings
  }

  /**
   * Resolves when the group is complete and has shared out its partitions; the members that have something to give up
   * are waited for.
   */
  async join(): Promise<Assignment> {
    try {
      return await this.#joinAndSync(await this.#findCoordinator())
    } catch (error) {
      this.#coordinator = undefined
      if (protocolErrorOf(error) === 'UNKNOWN_MEMBER_ID') this.forget()
      throw error
    }
  }

  async #joinAndSync(coordinator: Broker): Promise<Assignment> {
    const joined = await coordinator.joinGroup({
      groupId: this.#group,
      sessionTimeout: this.#timings.sessionMs,
      rebalanceTimeout: this.#timings.rebalanceMs,
      memberId: this.#memberId,
      groupProtocols: [{ name: ASSIGNER, metadata: subscriptionBytes(this.#topics) }],
    })
    this.#memberId = joined.memberId
    this.#generation = joined.generationId
    const leads = joined.leaderId === joined.memberId
    const { memberAssignment } = await coordinator.syncGroup({
      groupId: this.#group,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupAssignment: leads ? await this.#shareOut(joined.members) : [],
    })
    return assignmentOf(memberAssignment, this.#topics)
  }

  async heartbeat(): Promise<Standing> {
    const coordinator = await this.#findCoordinator()
    const memberId = this.#memberId
    return this.#standing(
      coordinator.heartbeat({ groupId: this.#group, groupGenerationId: this.#generation, memberId }),
    )
  }

  /** Refused by the broker when we are not the owner any more: the generation tells. */
  async commit(offsets: ReadonlyMap<string, Offsets>): Promise<Standing> {
    const coordinator = await this.#findCoordinator()
    const committer = { memberId: this.#memberId, generation: this.#generation }
    return this.#standing(commitOffsets(coordinator, this.#group, committer, offsets))
  }

  async committed(assignment: Assignment): Promise<Map<string, Offsets>> {
    return committedOffsets(await this.#findCoordinator(), this.#group, assignment)
  }

  async leave(): Promise<void> {
    if (this.#memberId === '') return
    const coordinator = await this.#findCoordinator()
    await coordinator.leaveGroup({ groupId: this.#group, memberId: this.#memberId })
    this.forget()
  }

  /** The next join is a new member's. */
  forget(): void {
    this.#memberId = ''
    this.#generation = -1
  }

  async #shareOut(members: Parameters<typeof assign>[0]) {
    await this.#cluster.addMultipleTargetTopics(topicsOf(members))
    await this.#cluster.refreshMetadata()
    return assign(members, topic =>
      this.#cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
    )
  }

  async #findCoordinator(): Promise<Broker> {
    this.#coordinator ??= await this.#cluster.findGroupCoordinator({ groupId: this.#group })
    return this.#coordinator
  }

  async #standing(answer: Promise<unknown>): Promise<Standing> {
    try {
      await answer
      return 'member'
    } catch (error) {
      const type = protocolErrorOf(error)
      if (type === 'REBALANCE_IN_PROGRESS') return 'rebalancing'
      if (type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID') return 'expelled'
      this.#coordinator = undefined
      throw error
    }
  }
}
