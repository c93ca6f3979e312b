import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { numbered } from '../conformance/event-log/suite.ts'
import { until } from '../support/until.ts'
import { freshName, openTestLog, startKafka } from './kafka-support.ts'

const CHILD = new URL('./kafka-consumer-child.ts', import.meta.url).pathname
const EVENTS = 600

describe('a consumer process that is killed', () => {
  let kafka: KafkaService
  let log: EventLog

  beforeAll(async () => {
    kafka = await startKafka()
    log = await openTestLog(kafka)
  }, 120_000)
  afterAll(async () => {
    await log?.close()
    await kafka?.stop()
  })

  /** What it took, and a way to kill it. */
  const consumer = (topic: string, group: string) => {
    const taken: number[] = []
    const args = ['--import', 'tsx', CHILD, kafka.brokers[0]!, topic, group, kafka.kind]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let rest = ''
    child.stdout.on('data', chunk => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      taken.push(...lines.map(Number))
    })
    const kill = async () => {
      const gone = new Promise(resolve => child.once('close', resolve))
      child.kill('SIGKILL')
      await gone
    }
    return { taken, kill }
  }

  it('P2: is followed by one that misses nothing and repeats only what was not committed', {
    timeout: 120_000,
  }, async () => {
    const [topic, group] = [freshName('kill'), freshName('group')]
    await log.createTopics([{ name: topic, partitions: 1 }])
    await log.append(topic, numbered(EVENTS))
    const lives: number[][] = []
    for (const wanted of [100, 300, EVENTS]) {
      const { taken, kill } = consumer(topic, group)
      lives.push(taken)
      await until(() => taken.some(n => n >= wanted - 1), { deadlineMs: 60_000, what: `event ${wanted}` })
      await kill()
    }
    expect(new Set(lives.flat()).size).toBe(EVENTS)
    for (const taken of lives) {
      // In order and without a gap, from where it began.
      expect(taken).toEqual(Array.from({ length: taken.length }, (_, n) => taken[0]! + n))
    }
    // Each began after what its predecessor had surely committed: all but its last half second.
    expect(lives[1]![0]!).toBeGreaterThan(0)
    expect(lives[2]![0]!).toBeGreaterThan(lives[1]![0]!)
  })
})
