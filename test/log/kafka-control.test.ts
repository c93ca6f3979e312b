import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import type { KafkaClient } from '../../src/log/kafka/client.ts'
import { KafkaControl } from '../../src/log/kafka/control.ts'
import { DEFAULT_TIMINGS } from '../../src/log/kafka/timings.ts'

/** Requests by which topics are created and configured. */
const ALL = { 19: {}, 32: {} }

/** Connections, one after the other: null where another failure closes them once they are open. */
function control(...pools: (object | null)[]): KafkaControl {
  const newCluster = () => ({
    connect: async () => {},
    disconnect: async () => {},
    refreshMetadataIfNecessary: async () => {},
    brokerPool: { versions: pools.shift() ?? null },
  })
  const client = { newCluster, at: (what: string) => `Kafka: ${what}` } as unknown as KafkaClient
  return new KafkaControl(client, systemClock, DEFAULT_TIMINGS)
}

describe('what the brokers can do', () => {
  it('is as they say', async () => {
    expect(await control(ALL).managesTopics()).toBe(true)
    expect(await control({ 19: {} }).managesTopics()).toBe(false)
  })

  it('is asked again over connections that were closed meanwhile, and not guessed', async () => {
    expect(await control(null, ALL).managesTopics()).toBe(true)
    await expect(control().managesTopics()).rejects.toMatchObject({ kind: 'retryable', code: 'LOG_UNAVAILABLE' })
  })
})
