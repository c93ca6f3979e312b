import { describe, expect, it } from 'vitest'
import { type Schedule, scheduleOf } from './sim/schedule.ts'
import { lineOf, violationsOf } from './sim/shrink.ts'
import { simulate } from './sim/world.ts'

const SEEDS = 200

describe('a simulated world', () => {
  it(`P5, P6, P7: ${SEEDS} seeds come to rest, equal, undoubled, with the winners of their policies`, async () => {
    const broken: string[] = []
    for (let seed = 1; seed <= SEEDS; seed++) {
      for (const { rule, message } of await violationsOf(scheduleOf(seed))) {
        broken.push(`${rule}: ${message}; ${lineOf({ seed, without: [] })}`)
      }
    }
    expect(broken).toEqual([])
  }, 240_000)

  /** Rare in other worlds: what each of them holds up against, by its seed. */
  it.each([
    [1737, 'P7: a record that is deleted, restored and deleted again while its state waits to be read'],
    [9000, 'P7: a record that is deleted while a counterpart is looked for, of which one is made then'],
  ])('seed %i: %s', async seed => {
    expect(await violationsOf(scheduleOf(seed))).toEqual([])
  })

  it('is the same world every time', async () => {
    const [once, again] = [await simulate(scheduleOf(7)), await simulate(scheduleOf(7))]
    expect(again.calls).toEqual(once.calls)
    expect(again.systems.left.changes).toEqual(once.systems.left.changes)
    expect([...again.state]).toEqual([...once.state])
  })

  it('has what goes wrong in the real one', async () => {
    const schedules = Array.from({ length: SEEDS }, (_, place) => scheduleOf(place + 1))
    const entries = schedules.flatMap(schedule => schedule.entries)
    const edits = entries.flatMap(entry => (entry.kind === 'edit' ? Object.values(entry.fields) : []))
    const count = (holds: (schedule: Schedule) => boolean) => schedules.filter(holds).length
    const least = {
      back: edits.filter(({ kind }) => kind === 'back').length,
      cleared: edits.filter(each => each.kind === 'value' && each.value === null).length,
      deletes: entries.filter(({ kind }) => kind === 'delete').length,
      restores: entries.filter(({ kind }) => kind === 'restore').length,
      crashes: entries.filter(({ kind }) => kind === 'crash').length,
      longPauses: entries.filter(entry => entry.kind === 'pause' && entry.ms > 120_000).length,
      deletesUnderFaults: count(
        ({ entries: own, faults }) => faults.partial > 0 && own.some(each => each.kind === 'delete'),
      ),
      twoProcesses: count(({ processes }) => processes === 2),
      lostWebhooks: count(({ feeds }) => feeds.left.lost === 1),
      lostAnswers: count(({ faults }) => faults.lost > 0),
      coarse: count(({ left }) => left.granularityMs > 1),
      skewed: count(({ left }) => Math.abs(left.skewMs) > 60_000),
      empty: count(({ initial }) => initial.length === 0),
    }
    expect(Object.entries(least).filter(([, times]) => times < 10)).toEqual([])
  })
})
