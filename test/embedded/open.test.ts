import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Database } from '../../src/embedded/database.ts'
import { type EmbeddedOptions, openEmbedded, openEmbeddedReader } from '../../src/embedded/open.ts'
import type { EventLog, LoggedEvent } from '../../src/log/event-log.ts'
import { Child } from '../support/child.ts'
import { Collector } from '../support/collector.ts'
import { makeEvent } from '../support/make-event.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const HOUR = 3_600_000

async function open(options: Partial<EmbeddedOptions> = {}) {
  const clock = new VirtualClock()
  const folder = tempFolder()
  const embedded = await openEmbedded({ folder, clock, ...options })
  onTestFinished(() => embedded.close())
  return { clock, folder, ...embedded }
}

async function readAll(log: EventLog, topic: string): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = []
  for await (const event of log.read(topic)) events.push(event)
  return events
}

const kilobytes = (count: number) => makeEvent({ data: { text: 'x'.repeat(count * 1024) } })

describe('retention', () => {
  it('deletes in the background what is older than the topic keeps, and nothing else', async () => {
    const { clock, log } = await open()
    await log.createTopics([
      { name: 'hour', retentionMs: HOUR },
      { name: 'ever', retentionMs: -1 },
    ])
    for (const topic of ['hour', 'ever', 'default']) await log.append(topic, [kilobytes(1), kilobytes(1)])
    await clock.advance(HOUR / 2)
    for (const topic of ['hour', 'ever', 'default']) await log.append(topic, [kilobytes(1)])
    await clock.advance(HOUR / 2 + 120_000)
    await until(async () => (await readAll(log, 'hour')).length === 1)
    expect((await readAll(log, 'hour')).map(({ offset }) => offset)).toEqual([2])
    expect(await readAll(log, 'ever')).toHaveLength(3)
    expect(await readAll(log, 'default')).toHaveLength(3)
  })

  it('goes through a large backlog in pieces', async () => {
    const { clock, log } = await open()
    await log.createTopics([{ name: 'hour', retentionMs: HOUR }])
    await log.append(
      'hour',
      Array.from({ length: 2500 }, () => makeEvent()),
    )
    await clock.advance(2 * HOUR)
    await until(async () => (await log.lag('hour', 'group')) === 0)
    expect((await log.describe(['hour']))[0]!.partitions).toEqual([{ partition: 0, begin: 2500, end: 2500 }])
  })

  it('P2: never lets offsets start again, also when everything was deleted before a restart', async () => {
    const { clock, folder, log, close } = await open()
    await log.createTopics([{ name: 'hour', retentionMs: HOUR }])
    await log.append('hour', [makeEvent(), makeEvent(), makeEvent()])
    await clock.advance(2 * HOUR)
    await until(async () => (await readAll(log, 'hour')).length === 0)
    await close()
    const next = await openEmbedded({ folder, clock })
    onTestFinished(() => next.close())
    await next.log.append('hour', [makeEvent()])
    expect((await readAll(next.log, 'hour')).map(({ offset }) => offset)).toEqual([3])
  })

  it('may pass a group that lags: it goes on at the oldest event kept', async () => {
    const { clock, log } = await open()
    await log.createTopics([{ name: 'hour', retentionMs: HOUR }])
    await log.append('hour', [makeEvent(), makeEvent()])
    await log.resetGroup('hour', 'flow', { 0: 0 })
    await clock.advance(2 * HOUR)
    await until(async () => (await readAll(log, 'hour')).length === 0)
    await log.append('hour', [makeEvent({ id: 'kept' })])
    expect(await log.lag('hour', 'flow')).toBe(1)
    const collector = new Collector(log, ['hour'], 'flow')
    await until(() => collector.events.length === 1)
    await collector.stop()
    expect(collector.ids).toEqual(['kept'])
  })

  it('takes over a changed setting of a topic that exists', async () => {
    const { clock, log } = await open()
    await log.createTopics([{ name: 'topic', retentionMs: -1 }])
    await log.append('topic', [makeEvent()])
    await log.createTopics([{ name: 'topic', retentionMs: HOUR }])
    await clock.advance(2 * HOUR)
    await until(async () => (await readAll(log, 'topic')).length === 0)
  })

  it('sweeps state whose time is over', async () => {
    const { clock, folder, state } = await open()
    const writes = Array.from({ length: 450 }, (_, i) => ({
      key: `{f}:${i}`,
      value: i,
      ttlMs: i < 440 ? HOUR : 9 * HOUR,
    }))
    await state.commit(writes)
    await clock.advance(2 * HOUR)
    const database = await Database.openForReading(folder)
    onTestFinished(() => database.close())
    const count = database.prepare('SELECT count(*) AS count FROM state')
    await until(() => (count.get() as { count: number }).count === 10)
  })
})

describe('the size limit', () => {
  it('P1: refuses appends beyond it, keeps what it has, lets state and offsets go on', async () => {
    const { log, state, usage } = await open({ maxBytes: 1024 * 1024 })
    let accepted = 0
    const full = await (async () => {
      for (;;) {
        await log.append('topic', [kilobytes(50)])
        accepted++
      }
    })().catch(error => error)
    expect(full).toMatchObject({ kind: 'fatal', code: 'LOG_FULL' })
    expect(accepted).toBeGreaterThan(10)
    expect(await readAll(log, 'topic')).toHaveLength(accepted)
    expect(usage().bytes).toBeLessThanOrEqual(usage().limit!)
    expect(await state.commit([{ key: '{f}:a', value: 1 }])).toHaveLength(1)
    await log.resetGroup('topic', 'flow', { 0: 1 })
  })

  it('also holds for many who append at once', async () => {
    const { log, usage } = await open({ maxBytes: 1024 * 1024 })
    const outcomes = await Promise.allSettled(Array.from({ length: 500 }, () => log.append('topic', [kilobytes(5)])))
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    expect(usage().bytes).toBeLessThanOrEqual(usage().limit! * 1.1)
  })

  it('goes on by itself when retention has made room', async () => {
    const { clock, log, usage } = await open({ maxBytes: 1024 * 1024 })
    await log.createTopics([{ name: 'topic', retentionMs: HOUR }])
    const fill = async () => {
      for (;;) await log.append('topic', [kilobytes(50)])
    }
    await expect(fill()).rejects.toMatchObject({ code: 'LOG_FULL' })
    const before = usage().bytes
    await clock.advance(2 * HOUR)
    await until(() => usage().bytes < before / 2)
    await log.append('topic', [kilobytes(50)])
  })
})

describe('a reader', () => {
  it('sees log, groups and state while the daemon writes, and can change nothing', async () => {
    const { clock, folder, log, state } = await open()
    await log.append('topic', [makeEvent({ id: 'one' })])
    await log.resetGroup('topic', 'flow', { 0: 0 })
    const reader = await openEmbeddedReader({ folder, clock })
    onTestFinished(() => reader.close())
    await log.append('topic', [makeEvent({ id: 'two' })])
    await log.append('later', [makeEvent()])
    await state.commit([{ key: '{f}:a', value: 1 }])
    expect((await readAll(reader.log, 'topic')).map(({ event }) => event.id)).toEqual(['one', 'two'])
    expect(await reader.log.describe()).toEqual(await log.describe())
    expect(await reader.state.get(['{f}:a'])).toEqual(await state.get(['{f}:a']))
    expect(reader.usage().bytes).toBeGreaterThan(0)
    const readOnly = { kind: 'fatal', code: 'READ_ONLY' }
    await expect(reader.log.append('topic', [makeEvent()])).rejects.toMatchObject(readOnly)
    await expect(reader.log.resetGroup('topic', 'flow')).rejects.toMatchObject(readOnly)
    await expect(reader.state.commit([{ key: '{f}:a', value: 2 }])).rejects.toMatchObject(readOnly)
    const collector = new Collector(reader.log, ['topic'], 'other')
    expect(await collector.ended).toMatchObject(readOnly)
  })

  it('works when no daemon runs', async () => {
    const { clock, folder, log, close } = await open()
    await log.append('topic', [makeEvent()])
    await close()
    const reader = await openEmbeddedReader({ folder, clock })
    expect(await readAll(reader.log, 'topic')).toHaveLength(1)
    await reader.close()
  })

  it('says so when there is nothing to look at', async () => {
    await expect(openEmbeddedReader({ folder: tempFolder(), clock: new VirtualClock() })).rejects.toMatchObject({
      code: 'FOLDER_EMPTY',
    })
  })
})

describe('the data folder', () => {
  it('is left alone when a newer version wrote it', async () => {
    const { clock, folder, close } = await open()
    await close()
    const database = await Database.openForWriting(folder)
    database.exec('PRAGMA user_version = 99')
    database.close()
    const refused = { kind: 'fatal', code: 'FOLDER_FORMAT' }
    await expect(openEmbedded({ folder, clock })).rejects.toMatchObject(refused)
    await expect(openEmbeddedReader({ folder, clock })).rejects.toMatchObject(refused)
    // And the lock was given back.
    await expect(openEmbedded({ folder, clock })).rejects.toMatchObject(refused)
  })

  it('gives everything up when it is closed, however often', async () => {
    const { clock, folder, log, state, close } = await open()
    await Promise.all([close(), close()])
    await expect(log.append('topic', [makeEvent()])).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' })
    await expect(state.get(['{f}:a'])).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
    const next = await openEmbedded({ folder, clock })
    await next.close()
  })
})

describe('SQLite', () => {
  it('stays open while a statement is in use, whatever is collected, and says nothing on stderr', async () => {
    const child = new Child('embedded-collected.ts', [join(tempFolder(), 'test.sqlite')], ['--expose-gc'])
    expect(await child.exit()).toBe(0)
    expect(child.lines).toEqual(['20 rows'])
    expect(child.errors).toEqual([])
  })
})
