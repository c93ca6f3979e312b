import type { EventSummary } from '../../runtime/operations.ts'
import type { View } from './status-text.ts'
import { type Column, table } from './table.ts'
import { cut, plain, shortIds } from './text.ts'
import { relative } from './time.ts'

export function eventsText(events: readonly EventSummary[], { width, style, now }: View): string {
  if (events.length === 0) return 'no events'
  const short = shortIds(events.map(({ id }) => id))
  const columns: Column<EventSummary>[] = [
    { title: 'ID', value: ({ id }) => plain(short(id)) },
    { title: 'CAME IN', value: ({ appendedAt }) => relative(appendedAt, now) },
    { title: 'TYPE', value: ({ type }) => plain(type), shrinks: true },
    { title: 'SUBJECT', value: ({ subject }) => plain(subject), shrinks: true },
    { title: 'CHANGED', value: ({ changed }) => plain(changed?.join(', ') ?? ''), shrinks: true },
    { title: 'PLACE', value: placeOf, shrinks: true },
  ]
  return table(events, columns, { width, head: style.dim })
}

/** One event of an endless list: no column can wait for the width of the next. */
export function eventLine(event: EventSummary, { width, style }: Pick<View, 'width' | 'style'>): string {
  const { appendedAt, id, type, subject, changed } = event
  const facts = changed && changed.length > 0 ? `  ${changed.join(', ')}` : ''
  const text = `${plain(type).padEnd(20)}  ${plain(subject)}${plain(facts)}`
  const head = `${appendedAt.slice(11, 23)}  ${plain(id.slice(0, 8))}  `
  return style.dim(head) + (width === undefined ? text : cut(text, Math.max(20, width - head.length)))
}

export function placeOf({ topic, partition, offset }: EventSummary): string {
  return partition < 0 ? topic : `${topic}/${partition}/${offset}`
}
