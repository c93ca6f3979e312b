import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import type { ChangeEvent } from '../../src/event.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { EmbeddedFolders } from '../support/embedded.ts'

const TOPIC = 'twenty-sync.form.lead'
let folders: EmbeddedFolders

beforeEach(() => {
  folders = new EmbeddedFolders(systemClock)
})
afterEach(() => folders.dispose())

function event(n: number, more: Partial<ChangeEvent> = {}): ChangeEvent {
  const [id, key, time] = [`id-${n}`, `key-${n % 7}`, '2026-11-24T10:00:00.000Z']
  return { id, type: 'lead.received', source: '/form', subject: `lead/${key}`, time, key, data: { n }, ...more }
}

/** Everything that a reader sees, from each of some offsets on. */
async function seen(log: EventLog): Promise<unknown[]> {
  const found: unknown[] = []
  for (const from of [0, 1, 299, 300, 301, 449]) {
    for await (const { event, ...place } of log.read(TOPIC, { from: { offsets: { 0: from } } })) {
      const { id, type, source, subject, time, key, changed, extensions, data } = event
      const attributes = { id, type, source, subject, time, key, changed, extensions }
      found.push({ ...place, ...attributes, data, raw: Buffer.from(event.raw!).toString('latin1') })
    }
  }
  return found
}

describe('the newest events of the embedded log', () => {
  it('are given from memory as they are given from the disk', async () => {
    const { log } = await folders.open()
    await log.createTopics([{ name: TOPIC }])
    const raw = Buffer.from('{ "n" : 1.50, "text": "ä€" }')
    const odd = [
      { changed: [] },
      { changed: ['a', 'b'] },
      { extensions: { xname: 'ö' } },
      { raw, data: JSON.parse(String(raw)) },
    ]
    for (let n = 0; n < 450; n += 3)
      await log.append(TOPIC, [event(n), event(n + 1, odd[n % odd.length]), event(n + 2)])
    const fromMemory = await seen(log)
    expect(fromMemory).toHaveLength(450 + 449 + 151 + 150 + 149 + 1)
    const { log: reopened } = await folders.reopen(false)
    expect(await seen(reopened)).toEqual(fromMemory)
    await reopened.append(TOPIC, [event(450)])
    expect((await seen(reopened)).at(-1)).toMatchObject({ offset: 450, id: 'id-450' })
  })

  it('are gone where the topic becomes one that keeps the newest of each key alone', async () => {
    const { log } = await folders.open()
    await log.createTopics([{ name: TOPIC }])
    await log.append(TOPIC, [event(2), event(0), event(7)])
    await log.createTopics([{ name: TOPIC, compacted: true }])
    await log.append(TOPIC, [event(14)])
    const ids: string[] = []
    for await (const { event } of log.read(TOPIC)) ids.push(event.id)
    expect(ids).toEqual(['id-2', 'id-14'])
  })
})
