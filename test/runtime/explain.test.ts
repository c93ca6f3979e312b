import { expect, it } from 'vitest'
import type { Engine } from '../../src/engine.ts'
import type { LoggedEvent } from '../../src/log/event-log.ts'
import type { Assembly } from '../../src/runtime/assemble.ts'
import type { EventFinder } from '../../src/runtime/event-finder.ts'
import { Explainer } from '../../src/runtime/explain.ts'
import type { EventStory } from '../../src/runtime/operations.ts'
import { TopicNames } from '../../src/runtime/topics.ts'
import { WriteLedger } from '../../src/runtime/write-ledger.ts'
import { memoryState } from '../../src/state/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

type Story = EventStory['flows'][number]

const TOPIC = 'twenty-sync.twenty.person'
const LOGGED: LoggedEvent = {
  topic: TOPIC,
  partition: 3,
  offset: 17,
  appendedAt: 0,
  event: {
    id: 'e-17',
    type: 'person.updated',
    source: '/twenty',
    subject: 'person/p1',
    time: '2026-11-24T10:00:00.000Z',
    key: 'p1',
    data: { id: 'p1', updatedAt: '2026-11-24T10:00:00.000Z' },
  },
}

/** What is said of a record whose newest event ended in a flow as told. */
async function verdictOf(story: Partial<Story>, write = async (_: WriteLedger) => {}) {
  const state = memoryState({ clock: new VirtualClock() })
  const ledger = new WriteLedger(state)
  await write(ledger)
  const assembly = {
    names: new TopicNames('twenty-sync'),
    flows: [{ compiled: { name: 'scoring', identity: 'scoring', steps: [], topics: new Map([[TOPIC, undefined]]) } }],
    connectors: new Map([['twenty', { objects: ['person'] }]]),
    config: {
      systems: new Map([['twenty', {}]]),
      connectors: new Map([['twenty', { name: 'twenty', system: 'twenty' }]]),
    },
  } as unknown as Assembly
  const finder = {
    newestOf: async () => ({ count: 1, newest: LOGGED }),
    storiesOf: async () => [{ flow: 'scoring', outcome: 'done', steps: [], ...story }],
    withIds: async () => new Map([['e-1', { topic: TOPIC, partition: 0, offset: 1, subject: 'person/p1' }]]),
    allOf: async () => [],
  } as unknown as EventFinder
  const report = () => Promise.reject(new Error('there are no syncs here'))
  const explainer = new Explainer({ assembly, engine: { state } as Engine, ledger, finder, syncs: [], report })
  const query = { system: 'twenty', object: 'person', id: 'p1' }
  const { findings } = await explainer.whyNot(query)
  return { finding: findings[0]!, why: await explainer.why(query) }
}

const DRY_RUN = 'twenty-sync replay scoring --from 3:17 --to 3:18 --dry-run'

it.each<[Partial<Story>, string, string | undefined]>([
  [{ steps: [{ step: 'update-person', wrote: 'person/p1' }] }, 'done', undefined],
  [
    { steps: [{ step: 'update-person', skipped: 'stale' }] },
    'stale',
    'nothing: the record has what the newer event brought',
  ],
  [{ outcome: 'skipped', reason: 'own write' }, 'echo', 'nothing: a flow does not run on what it wrote itself'],
  [{ outcome: 'skipped', reason: 'filtered' }, 'filtered', DRY_RUN],
  [{ outcome: 'not taken', reason: 'reads only created' }, 'filtered', DRY_RUN],
  [{ outcome: 'without effect' }, 'filtered', DRY_RUN],
  [{ outcome: 'parked', reason: 'TIMEOUT' }, 'parked', 'twenty-sync status'],
  [{ outcome: 'waiting' }, 'waiting', 'twenty-sync status'],
  [{ outcome: 'dead letter', deadLetter: '9c41d2aa-1' }, 'dead letter', 'twenty-sync dead-letters show 9c41d2aa'],
])('%j of a flow is "%s"', async (story, verdict, next) => {
  const { finding } = await verdictOf(story)
  expect([finding.flow, finding.verdict, finding.next]).toEqual(['scoring', verdict, next])
})

it('knows the echo of a write that the ledger has, and names its event', async () => {
  const { finding, why } = await verdictOf({ outcome: 'without effect' }, async ledger => {
    const item = { action: 'update', key: 'k', values: {}, time: '', object: 'person' }
    const target = { object: 'person', id: 'p1' }
    const plan = { item, target, operation: 'update', after: { score: 7 } } as never
    const cause = { flow: 'scoring', event: 'e-1', hops: 0 }
    await ledger.open('twenty', plan, cause)
    const ref = { ...target, version: LOGGED.event.time }
    await ledger.close('twenty', plan, { status: 'delivered', ref } as never, cause)
  })
  expect(finding).toMatchObject({ verdict: 'echo', says: expect.stringContaining('for event e-1') })
  expect(why.flows).toMatchObject([
    { flow: 'scoring', operation: 'update', event: 'e-1', place: `${TOPIC}/0/1`, fields: ['score'] },
  ])
})
