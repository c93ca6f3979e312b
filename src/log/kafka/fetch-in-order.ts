import { type Broker, FETCH_VERSIONS, type FetchAnswer, type FetchRequest } from './kafkajs-internals.ts'

const FETCH = 1

/**
 * kafkajs's own `fetch` shuffles the partitions. Who is asked first matters here: only of that one does an empty answer
 * say that there is nothing.
 */
export async function fetchInOrder(broker: Broker, request: FetchRequest): Promise<FetchAnswer> {
  const fetch = broker.lookupRequest(FETCH, FETCH_VERSIONS)
  try {
    return await broker.connectionPool.send(fetch(request))
  } catch (error) {
    // As kafkajs does: the next request then connects anew.
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect()
    throw error
  }
}
