import { describe, expect, it } from 'vitest'
import type { TopicInfo } from '../../src/log/event-log.ts'
import { cli } from './fake-shell.ts'

const TOPICS: TopicInfo[] = [
  {
    topic: 'twenty-sync.lead-form.received',
    partitions: [{ partition: 0, begin: 0, end: 1204 }],
    groups: [{ group: 'twenty-sync.flow.web-form-leads', committed: { 0: 1200 }, lag: 4 }],
  },
  {
    topic: 'twenty-sync.twenty.person',
    partitions: [
      { partition: 0, begin: 100, end: 1500 },
      { partition: 1, begin: 0, end: 90 },
    ],
    groups: [
      { group: 'twenty-sync.flow.enrichment', committed: { 0: 1500, 1: 90 }, lag: 0 },
      { group: 'twenty-sync.flow.scoring', committed: { 0: 100 }, lag: 1490 },
    ],
  },
  { topic: 'twenty-sync.dead-letters.scoring', partitions: [{ partition: 0, begin: 0, end: 0 }], groups: [] },
]
const operations = { topics: async () => TOPICS }

describe('topics', () => {
  it('lists topics and how far each group is', async () => {
    const { stdout } = await cli(['topics'], { operations, tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "TOPIC                             PARTITIONS  EVENTS  GROUP                              LAG
      twenty-sync.lead-form.received             1   1,204  twenty-sync.flow.web-form-leads      4
      twenty-sync.twenty.person                  2   1,490  twenty-sync.flow.enrichment          0
                                                            twenty-sync.flow.scoring         1,490
      twenty-sync.dead-letters.scoring           1       0
      "
    `)
  })

  it('shows one topic partition by partition', async () => {
    const { stdout } = await cli(['topics', 'twenty.person'], { operations, tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "twenty-sync.twenty.person  2 partitions, 1,490 events
      PARTITION    OFFSETS  EVENTS  GROUP                        COMMITTED    LAG
              0  100..1500   1,400  twenty-sync.flow.enrichment       1500      0
                                    twenty-sync.flow.scoring           100  1,400
              1      0..90      90  twenty-sync.flow.enrichment         90      0
                                    twenty-sync.flow.scoring          none     90
      "
    `)
  })

  it('gives what the log says with --json', async () => {
    expect((await cli(['topics', '--json'], { operations })).json).toEqual(TOPICS)
    expect((await cli(['topics', 'twenty-sync.twenty.person', '--json'], { operations })).json).toEqual([TOPICS[1]])
  })

  it('names the topics there are when one is not among them', async () => {
    const { code, stderr } = await cli(['topics', 'nope'], { operations })
    expect(code).toBe(1)
    expect(stderr.text).toContain('no topic "nope"; there is twenty-sync.lead-form.received')
  })
})
