/** The most that a client can do: ready bodies through an undici pool. `<port> <count>` */
import { Pool } from 'undici'
import { personOf } from '../lib/payload.ts'

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
const CONNECTIONS = 64

const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS })
const headers = { 'content-type': 'application/json' }
const body = JSON.stringify(shaped())
const cpu = process.cpuUsage()
const startedAt = Date.now()
let next = 0
await Promise.all(Array.from({ length: CONNECTIONS }, one))
const used = process.cpuUsage(cpu)
console.log(
  JSON.stringify({
    startedAt,
    endedAt: Date.now(),
    cpuSeconds: (used.user + used.system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1024 / 1024,
  }),
)
await pool.close()

async function one(): Promise<void> {
  while (next < count) {
    const number = next++
    const answer = await pool.request({ method: 'PUT', path: `/people/${number}`, headers, body })
    await answer.body.dump()
  }
}

/** What the flow sends: the five fields of its transform. */
function shaped(): unknown {
  const { id, name, emails, city, jobTitle } = personOf(0) as Record<string, never>
  return { id, name, emails, city, jobTitle }
}
