import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { createTwentyClient } from '../../../src/clients/twenty/client.ts'
import { TwentyObject } from '../../../src/clients/twenty/schema.ts'
import { createEnvironment } from '../../../src/environment/system.ts'
import type { Environment } from '../../../src/environment.ts'
import { localCoordinator } from '../../../src/state/local-coordinator.ts'
import { memoryState } from '../../../src/state/memory.ts'
import { settle, VirtualClock } from '../../support/virtual-clock.ts'

const people = new TwentyObject({ name: 'person', plural: 'people', fields: [] })
const rows = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` }))

/** Two instances that share a limit; `written` has the rows of each call and when it came. */
function bench(maxRowsPerMinute: number) {
  const clock = new VirtualClock()
  const start = clock.now()
  const written: { rows: number; second: number }[] = []
  const http: Environment['http'] = async ({ method, body }) => {
    const sent: unknown = body === undefined ? [] : JSON.parse(String(body))
    if (method !== 'GET')
      written.push({ rows: Array.isArray(sent) ? sent.length : 1, second: (clock.now() - start) / 1000 })
    return {
      status: 200,
      headers: {},
      body: Buffer.from(JSON.stringify({ data: { people: Array.isArray(sent) ? sent : [] }, pageInfo: {} })),
    }
  }
  const coordinator = localCoordinator({ clock })
  const env = { ...createEnvironment({ logger: pino({ level: 'silent' }) }), clock, random: () => 1, http }
  const client = () =>
    createTwentyClient(
      { url: 'http://127.0.0.1:1', apiKey: 'k', maxRowsPerMinute },
      { name: 'twenty', env, state: memoryState({ clock }), coordinator },
    )
  return { clock, written, clients: [client(), client()] as const }
}

describe('maxRowsPerMinute', () => {
  it('P8: holds back writes by their rows, over all instances, and no reads', async () => {
    const { clock, written, clients } = bench(60)
    const calls = [0, 1, 0, 1].map(at => clients[at]!.create(people, rows(30)))
    const reads = Promise.all(Array.from({ length: 20 }, () => clients[0].find(people, {})))
    await settle()
    await reads
    expect(written.map(call => call.rows)).toEqual([30, 30])
    await clock.advance(60_000)
    await Promise.all(calls)
    expect(written.map(call => call.rows)).toEqual([30, 30, 30, 30])
    expect(written.map(call => call.second)).toEqual([0, 0, 30, 60])
  })

  it('counts updates and deletes, and a call that has more rows than a minute takes waits for all of them', async () => {
    const { clock, written, clients } = bench(10)
    const [client] = clients
    const ids = rows(9).map(row => row.id)
    const work = client.remove(people, ids).then(() => client.upsert(people, rows(25)))
    await clock.advance(54_000)
    expect(written).toHaveLength(1)
    await clock.advance(200_000)
    await work
    expect(written[1]!.second).toBeGreaterThan(60)
  })
})
