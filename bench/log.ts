/** Speed of the embedded engine's log and state on this machine: `npx tsx bench/log.ts [folder]`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbedded } from '../src/embedded/open.ts'
import { systemClock } from '../src/environment/clock.ts'
import type { ChangeEvent } from '../src/event.ts'
import { derivedId } from '../src/identity.ts'
import type { EventLog } from '../src/log/event-log.ts'
import type { StateStore } from '../src/state/state-store.ts'

const EVENTS = 60_000
const TOPIC = 'bench.twenty.person'

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'twenty-sync-bench-'))
const { log, state, usage, close } = await openEmbedded({ folder, clock: systemClock })
const events = Array.from({ length: EVENTS }, (_, n) => kilobyteEvent(n))

for (const appenders of [1, 64, 256]) await appendWith(log, appenders)
await appendInCalls(log, 100)
await readAll(log)
await subscribeAll(log)
for (const committers of [1, 64, 256]) await commitWith(state, committers)
await getAll(state)
report('bytes on disk per event', usage().bytes / (await count(log)), 'bytes')
await close()
rmSync(folder, { recursive: true })

function kilobyteEvent(n: number): ChangeEvent {
  const key = derivedId('bench', String(n % 5000))
  const data = { id: key, n, name: { firstName: 'Ada', lastName: 'Lovelace' }, text: 'x'.repeat(850) }
  return {
    id: derivedId('event', String(n)),
    type: 'person.updated',
    source: '/twenty',
    subject: `person/${key}`,
    time: '2026-11-24T10:00:00.000Z',
    key,
    changed: ['name', 'jobTitle'],
    data,
    raw: Buffer.from(JSON.stringify(data)),
  }
}

async function appendWith(into: EventLog, appenders: number): Promise<void> {
  const latencies: number[] = []
  const total = appenders === 1 ? EVENTS / 12 : EVENTS
  let next = 0
  await timed(`append, ${appenders} at a time`, total, async () => {
    const appender = async () => {
      while (next < total) {
        const started = performance.now()
        await into.append(TOPIC, [events[next++]!])
        latencies.push(performance.now() - started)
      }
    }
    await Promise.all(Array.from({ length: appenders }, appender))
  })
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)]!.toFixed(2)
  console.log(`${''.padEnd(34)}p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${latencies.at(-1)!.toFixed(1)} ms`)
}

async function appendInCalls(into: EventLog, size: number): Promise<void> {
  await timed(`append, ${size} a call`, EVENTS, async () => {
    for (let n = 0; n < EVENTS; n += size) await into.append(TOPIC, events.slice(n, n + size))
  })
}

async function count(from: EventLog): Promise<number> {
  const [info] = await from.describe([TOPIC])
  return info!.partitions[0]!.end
}

async function readAll(from: EventLog): Promise<void> {
  const total = await count(from)
  await timed('read', total, async () => {
    for await (const _ of from.read(TOPIC)) {
    }
  })
  await timed('read and parse', total, async () => {
    for await (const { event } of from.read(TOPIC))
      if (event.data.id === undefined) throw new Error('not what was written')
  })
}

async function subscribeAll(from: EventLog): Promise<void> {
  const total = await count(from)
  let taken = 0
  const abort = new AbortController()
  await timed('subscribe', total, () =>
    from.subscribe(
      [TOPIC],
      'bench',
      {
        async take(partition, batch) {
          taken += batch.length
          for (const { offset } of batch) partition.finished(offset)
          if (taken === total) abort.abort()
        },
      },
      abort.signal,
      { start: 'earliest' },
    ),
  )
}

async function commitWith(into: StateStore, committers: number): Promise<void> {
  const total = committers === 1 ? EVENTS / 12 : EVENTS / 2
  let next = 0
  await timed(`commit, ${committers} at a time`, total, async () => {
    const committer = async () => {
      while (next < total) {
        const key = `{bench}:done:${events[next++]!.id}:${committers}`
        await into.commit([{ key, value: { at: next, step: 'upsert-person' }, ifVersion: null, ttlMs: 86_400_000 }])
      }
    }
    await Promise.all(Array.from({ length: committers }, committer))
  })
}

async function getAll(from: StateStore): Promise<void> {
  await timed('get, 100 keys a call', EVENTS / 2, async () => {
    for (let n = 0; n < EVENTS / 2; n += 100) {
      await from.get(events.slice(n, n + 100).map(event => `{bench}:done:${event.id}:64`))
    }
  })
}

async function timed(what: string, total: number, run: () => Promise<void>): Promise<void> {
  const started = performance.now()
  await run()
  report(what, (total / (performance.now() - started)) * 1000, '/s')
}

function report(what: string, figure: number, unit: string): void {
  console.log(`${what.padEnd(34)}${Math.round(figure).toLocaleString('en')} ${unit}`)
}
