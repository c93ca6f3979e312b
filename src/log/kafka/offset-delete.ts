import { type Broker, type Encoder, errorOfCode, KafkaDecoder, KafkaEncoder } from './kafkajs-internals.ts'

const OFFSET_DELETE = 47
/** Then it has nothing to forget. */
const GROUP_ID_NOT_FOUND = 69

interface Answer {
  readonly errorCode: number
  readonly topics: { topic: string; partitions: { partition: number; errorCode: number }[] }[]
}

/**
 * Forgets a group's offsets of one topic; kafkajs can only delete whole groups.
 * @see https://kafka.apache.org/protocol#The_Messages_OffsetDelete
 */
export async function deleteOffsets(
  broker: Broker,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<void> {
  const encode = async (): Promise<Encoder> =>
    new KafkaEncoder().writeString(group).writeArray([new KafkaEncoder().writeString(topic).writeArray(partitions)])
  await broker.connectionPool.send({
    request: { apiKey: OFFSET_DELETE, apiVersion: 0, apiName: 'OffsetDelete', encode },
    response: { decode, parse },
  })
}

async function decode(raw: Buffer): Promise<Answer> {
  const decoder = new KafkaDecoder(raw)
  const errorCode = decoder.readInt16()
  // How long the broker held the answer back for a quota.
  decoder.readInt32()
  const topics = decoder.readArray(each => ({
    topic: each.readString(),
    partitions: each.readArray(inner => ({ partition: inner.readInt32(), errorCode: inner.readInt16() })),
  }))
  return { errorCode, topics }
}

async function parse(answer: Answer): Promise<Answer> {
  const codes = [answer.errorCode, ...answer.topics.flatMap(({ partitions }) => partitions.map(each => each.errorCode))]
  const failed = codes.find(code => code !== 0)
  if (failed !== undefined && failed !== GROUP_ID_NOT_FOUND) throw errorOfCode(failed)
  return answer
}
