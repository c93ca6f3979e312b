import { describe } from 'vitest'
import { appendSuite } from './event-log/append.ts'
import { closeSuite } from './event-log/close.ts'
import { groupsSuite } from './event-log/groups.ts'
import { membersSuite } from './event-log/members.ts'
import { positionSuite } from './event-log/position.ts'
import { readSuite } from './event-log/read.ts'
import { restartSuite } from './event-log/restart.ts'
import { subscribeSuite } from './event-log/subscribe.ts'
import { type EventLogFeatures, LogSuite, type OpenedLog } from './event-log/suite.ts'

export type { EventLogFeatures, OpenedLog } from './event-log/suite.ts'

/**
 * What every EventLog promises, whatever it is made of. `open` is called once per test; each test uses topics of its own,
 * so one broker serves them all.
 */
export function describeEventLog(name: string, open: () => Promise<OpenedLog>, features: EventLogFeatures): void {
  describe(`EventLog: ${name}`, () => {
    const suite = new LogSuite(open, features)
    appendSuite(suite)
    readSuite(suite)
    subscribeSuite(suite)
    positionSuite(suite)
    groupsSuite(suite)
    membersSuite(suite)
    restartSuite(suite)
    closeSuite(suite)
  })
}
