import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../scripts/stack/stack.ts'
import type { SyncConfig } from '../../src/config/config.ts'
import type { Fields } from '../../src/event.ts'
import { memoryLog } from '../../src/log/memory.ts'
import twentySink from '../../src/sinks/twenty.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { Conflict } from '../../src/sync/conflict.ts'
import { SyncRunner } from '../../src/sync/sync-runner.ts'
import { type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

const side = { object: 'person', create: true, deletes: 'hold' } as const
const CONFIG: SyncConfig = {
  name: 'people',
  left: { system: 'left', ...side },
  right: { system: 'right', ...side },
  match: [{ left: 'name.lastName', right: 'name.lastName', normalise: 'text' }],
  fields: ['name.firstName', 'name.lastName', 'jobTitle'].map(name => ({
    name,
    left: name,
    right: name,
    direction: 'both',
    policy: { kind: 'prefer', side: 'left' },
    tie: { kind: 'ask' },
  })),
  skewToleranceMs: 2000,
  guard: { creates: 100_000, updates: 100_000, deletes: 10 },
}

const benches: TwentyBench[] = []
const ending = new AbortController()
afterEach(async () => {
  ending.abort()
  await Promise.all(benches.map(bench => bench.stop()))
})

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)
const person = (key: string, jobTitle = 'same', firstName = 'A'): Fields => ({
  name: { firstName, lastName: key },
  jobTitle,
})

const PAIRS = 8500
const DIFFERENT = 1000
const AMBIGUOUS_KEYS = 250
const ALONE = 1000

/** 10,000 records: pairs, some of which differ; keys that two records have; and records that the other side lacks. */
function records(name: 'left' | 'right'): Fields[] {
  return [
    ...numbers(PAIRS).map(at => person(`pair ${at}`, at < DIFFERENT ? name : 'same')),
    ...numbers(2 * AMBIGUOUS_KEYS).map(at => person(`twice ${at % AMBIGUOUS_KEYS}`, 'same', `no ${at}`)),
    ...numbers(ALONE).map(at => person(`only ${name} ${at}`)),
  ]
}

describe('the first sync of two populated systems', () => {
  it('makes no duplicates, lists the ambiguous, and needs hardly more calls than the least (P3, P8)', async () => {
    for (const name of ['left', 'right'] as const) {
      const bench = await twentyBench()
      benches.push(bench)
      bench.twenty.seed('people', records(name))
      await bench.client.schemas.refresh()
      bench.twenty.resetCalls()
    }
    const [left, right] = benches as [TwentyBench, TwentyBench]
    const { env } = left
    const peers = { left: peerOf(left), right: peerOf(right) }
    const log = memoryLog({ clock: env.clock })
    await log.createTopics([{ name: 'l' }, { name: 'r' }])
    const state = memoryState({ clock: env.clock })
    const runner = new SyncRunner({
      config: CONFIG,
      peers,
      compile: () => {
        throw new Error('no expressions here')
      },
      state,
      env,
      owner: 'one',
      group: 'sync',
      topics: { left: 'l', right: 'r' },
      log,
      coordinator: localCoordinator({ clock: env.clock }),
      drainMs: 1000,
    })
    const running = runner.run(ending.signal)
    const all = 10_000 + ALONE
    await eventually('as many here as there', () => people(left).length === all && people(right).length === all, 90_000)
    await eventually('nothing is due', () => runner.isIdle && runner.status.due === 0)
    ending.abort()
    await running

    for (const bench of [left, right]) {
      const keys = people(bench).map(row => `${name(row).lastName}/${name(row).firstName}`)
      expect(new Set(keys).size).toBe(all)
      expect(people(bench).filter(row => row.jobTitle === 'right')).toEqual([])
    }
    const conflicts: Conflict[] = []
    for await (const { value } of state.scan(runner.context.keys.conflicts)) conflicts.push(value as Conflict)
    expect(conflicts).toHaveLength(4 * AMBIGUOUS_KEYS)
    expect(new Set(conflicts.map(({ kind }) => kind))).toEqual(new Set(['ambiguous']))

    const calls = left.recordCalls().length + right.recordCalls().length
    const least = 2 * Math.ceil(10_000 / 200) + 2 * Math.ceil(ALONE / 60) + Math.ceil(DIFFERENT / 60)
    expect(calls).toBeLessThanOrEqual(least * 1.05)
  }, 120_000)
})

function peerOf(bench: TwentyBench) {
  return twentySink.peer!(bench.config, { ...bench.context, client: bench.client, object: 'person' })
}

function people(bench: TwentyBench): Fields[] {
  return bench.twenty.rows('people') as Fields[]
}

function name(row: Fields): { firstName: string; lastName: string } {
  return row.name as { firstName: string; lastName: string }
}
