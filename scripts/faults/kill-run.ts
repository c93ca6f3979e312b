import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from '../stack/stack.ts'
import { eventually } from '../stack/stack.ts'

export interface KillRun {
  readonly kills: number
  /** Forms per second while the daemon is up. */
  readonly perSecond: number
  /** Decides the instants. */
  readonly seed: number
  readonly onKill?: (kill: number, accepted: number) => void
}

export interface Ledger {
  readonly posted: number
  /** Answered 2xx. */
  readonly accepted: number
  /** Accepted without an effect: P2 is broken. */
  readonly missing: readonly string[]
  /** Effects that happened twice: P3 is broken. */
  readonly doubled: readonly string[]
}

/** The longest that the rest may take after the last kill. */
const SETTLE_MS = 180_000

/**
 * kill -9 at random instants under load. Every accepted form must end as one person and one task, none as two.
 * What was posted and not answered may have happened or not, but not twice.
 */
export async function killRun(stack: Stack, run: KillRun): Promise<Ledger> {
  const random = mulberry32(run.seed)
  const accepted = new Set<string>()
  let posted = 0
  let loading = true
  const pending = new Set<Promise<void>>()
  const load = (async () => {
    while (loading) {
      const address = `k${run.seed}-${posted++}@faults.example`
      const post = stack.postForm({ email: address, name: 'Kay', formId: 'faults' }).then(
        status => {
          if (status >= 200 && status < 300) accepted.add(address)
        },
        () => {},
      )
      pending.add(post)
      post.finally(() => pending.delete(post))
      await sleep(1000 / run.perSecond)
    }
  })()
  for (let kill = 1; kill <= run.kills; kill++) {
    await sleep(20 + random() * 1500)
    await stack.daemon.end('SIGKILL')
    run.onKill?.(kill, accepted.size)
    await stack.daemon.start()
  }
  loading = false
  await load
  await Promise.all(pending)
  return settle(stack, posted, accepted)
}

async function settle(stack: Stack, posted: number, accepted: Set<string>): Promise<Ledger> {
  const ledger = () => countEffects(stack, posted, accepted)
  await eventually('no accepted form is missing', () => ledger().missing.length === 0, SETTLE_MS).catch(() => {})
  // A doubled effect may come late: everything must be at rest before it is counted.
  await stack.settled(SETTLE_MS)
  return ledger()
}

function countEffects(stack: Stack, posted: number, accepted: Set<string>): Ledger {
  const people = tally(
    stack.twenty.rows('people').map(row => String((row.emails as { primaryEmail?: string })?.primaryEmail)),
  )
  const tasks = tally(stack.twenty.rows('tasks').map(row => String(row.title).replace('Call ', '')))
  const notes = tally(stack.twenty.rows('notes').map(row => String(row.title).replace('Welcome ', '')))
  const targets = tally(stack.twenty.rows('taskTargets').map(row => String(row.taskId)))
  const missing = [...accepted].filter(address => !people.has(address) || !tasks.has(address) || !notes.has(address))
  const doubled = [people, tasks, notes, targets].flatMap(counted =>
    [...counted].filter(([, count]) => count > 1).map(([name]) => name),
  )
  return { posted, accepted: accepted.size, missing, doubled }
}

function tally(names: string[]): Map<string, number> {
  const counted = new Map<string, number>()
  for (const name of names) counted.set(name, (counted.get(name) ?? 0) + 1)
  return counted
}

/** A small seeded generator, so that a run can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
