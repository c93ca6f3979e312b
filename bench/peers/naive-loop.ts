/** What somebody would write in an afternoon: `<events.ndjson> <output>`; newest wins in a map, fsync every 5,000. */
import { closeSync, createReadStream, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'

const FSYNC_EVERY = 5000
const [input, output] = process.argv.slice(2) as [string, string]

interface Person {
  id: string
  number: string
  updatedAt: string
  name: { firstName: string; lastName: string }
  emails: { primaryEmail: string }
  city: string
  jobTitle: string
  employees: number
}

const ajv = new Ajv({ strict: true })
;(addFormats as unknown as (ajv: Ajv) => void)(ajv)
const schema = JSON.parse(readFileSync(new URL('../config/person.json', import.meta.url), 'utf8'))
const validate = ajv.compile<Person>(schema)

const newest = new Map<string, string>()
const out = openSync(output, 'w')
const cpu = process.cpuUsage()
const started = performance.now()
let [count, pending]: [number, string[]] = [0, []]

for await (const line of createInterface({ input: createReadStream(input, { highWaterMark: 1 << 18 }) })) {
  const person: unknown = JSON.parse(line)
  if (!validate(person)) throw new Error(`line ${count + 1} is not as it should be`)
  count++
  const known = newest.get(person.id)
  if (known !== undefined && known > person.updatedAt) continue
  newest.set(person.id, person.updatedAt)
  pending.push(JSON.stringify(shaped(person)))
  if (pending.length === FSYNC_EVERY) flush()
}
flush()
closeSync(out)
const used = process.cpuUsage(cpu)
console.log(
  JSON.stringify({
    count,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1024 / 1024,
  }),
)

function shaped({ emails, name, city, jobTitle, employees }: Person) {
  return {
    email: emails.primaryEmail.toLowerCase(),
    fullName: `${name.firstName} ${name.lastName}`,
    city,
    title: jobTitle.toUpperCase(),
    large: employees > 100,
  }
}

function flush(): void {
  writeSync(out, `${pending.join('\n')}\n`)
  fsyncSync(out)
  pending = []
}
