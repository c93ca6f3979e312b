import { parseArgs } from 'node:util'
import { scheduleOf } from '../test/sync/sim/schedule.ts'
import { lineOf, scheduleFor, shrink, violationsOf } from '../test/sync/sim/shrink.ts'
import { tellStory } from '../test/sync/sim/story.ts'

const USAGE = `Runs the two-way sync in a simulated world, one world per seed, and judges what became of it.

  npm run simulate -- --seeds 10000      that many seeds
  npm run simulate -- --from 500         beginning with this one
  npm run simulate -- --seed 7           one seed, with its story
  npm run simulate -- --seed 7 --without e3,lost`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    without: { type: 'string' },
    'no-shrink': { type: 'boolean', default: false },
    most: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  return values.seed === undefined ? many(Number(values.from), Number(values.seeds)) : one(Number(values.seed))
}

async function one(seed: number): Promise<number> {
  const without = values.without?.split(',') ?? []
  const schedule = scheduleFor({ seed, without })
  console.log(await tellStory(schedule))
  const broken = await violationsOf(schedule)
  for (const { rule, message } of broken) console.log(`broken: ${rule}: ${message}`)
  console.log(broken.length === 0 ? `seed ${seed} holds` : `seed ${seed} fails`)
  return broken.length === 0 ? 0 : 1
}

async function many(from: number, count: number): Promise<number> {
  const start = performance.now()
  let failed = 0
  for (let done = 0; done < count; done++) {
    const seed = from + done
    const broken = await violationsOf(scheduleOf(seed))
    if (broken.length > 0) {
      failed++
      clear()
      await report(seed, broken[0]!)
      if (failed >= Number(values.most)) break
    }
    if (done % 20 === 19 || done + 1 === count) progress(done + 1, count, failed, performance.now() - start)
  }
  clear()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(failed === 0 ? `${count} seeds hold, ${seconds} s` : `${failed} seeds fail, ${seconds} s`)
  return failed === 0 ? 0 : 1
}

async function report(seed: number, { rule, message }: { rule: string; message: string }): Promise<void> {
  const line = values['no-shrink'] ? lineOf({ seed, without: [] }) : lineOf(await shrink(seed, rule))
  console.log(`seed ${seed}: ${rule}: ${message}\n  ${line}`)
}

function progress(done: number, count: number, failed: number, ms: number): void {
  if (!process.stderr.isTTY) return
  const rate = (done / ms) * 1000
  const left = Math.ceil((count - done) / rate)
  process.stderr.write(`\r${done} of ${count} seeds, ${rate.toFixed(0)} a second, ${left} s left, ${failed} failed `)
}

function clear(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
}

process.exitCode = await main()
