import type { ChangeEvent } from '../../src/event.ts'

let made = 0

/** A valid event with an id of its own; give what the test is about. */
export function makeEvent(given: Partial<ChangeEvent> = {}): ChangeEvent {
  const id = given.id ?? `event-${process.pid}-${++made}`
  const key = given.key ?? id
  return {
    id,
    key,
    type: 'person.updated',
    source: '/twenty',
    subject: `person/${key}`,
    time: '2026-11-24T10:00:00.000Z',
    data: { id: key },
    ...given,
  }
}
