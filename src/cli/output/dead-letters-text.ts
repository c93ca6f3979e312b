import type { DeadLetter, ListedLetter } from '../../runtime/dead-letters.ts'
import type { View } from './status-text.ts'
import type { Style } from './style.ts'
import { type Column, table } from './table.ts'
import { counted, plain, shortIds, widthOf, wrap } from './text.ts'
import { relative } from './time.ts'

export function deadLettersText(listed: readonly ListedLetter[], { width, style, now }: View): string {
  if (listed.length === 0) return 'no dead letters'
  const short = shortIds(listed.map(({ letter }) => letter.id))
  const closed = listed.some(({ resolution }) => resolution !== 'open')
  const columns: Column<ListedLetter>[] = [
    { title: 'ID', value: ({ letter }) => short(letter.id) },
    { title: 'FLOW', value: ({ letter }) => letter.flow, shrinks: true },
    { title: 'STEP', value: ({ letter }) => stepText(letter), shrinks: true },
    { title: 'LAST', value: ({ letter }) => relative(letter.lastAt, now) },
    { title: 'STATE', value: ({ resolution }) => (closed ? resolution : '') },
    { title: 'CODE', value: ({ letter }) => letter.code, paint: text => style.red(text) },
    { title: 'SUBJECT', value: ({ letter }) => plain(subjectText(letter)), shrinks: true },
  ]
  const [head, ...lines] = table(listed, columns, { width, head: style.dim }).split('\n')
  const messages = listed.map(({ letter }) =>
    wrap(plain(letter.message), (width ?? 100) - 4)
      .map(line => `    ${line}`)
      .join('\n'),
  )
  return [head, ...lines.flatMap((line, at) => [line, messages[at]]), '', causesText(listed)].join('\n')
}

/** `12 dead letters: 10 SCHEMA_MISMATCH at validate, 2 TWENTY_REFUSED at upsert-person` */
function causesText(listed: readonly ListedLetter[]): string {
  const causes = new Map<string, number>()
  for (const { letter } of listed) {
    const cause = `${letter.code} at ${stepText(letter)}`
    causes.set(cause, (causes.get(cause) ?? 0) + 1)
  }
  const parts = [...causes].sort((a, b) => b[1] - a[1]).map(([cause, times]) => `${times} ${cause}`)
  return `${counted(listed.length, 'dead letter')}: ${parts.join(', ')}`
}

/** The same for all items: `audience/…/subscribe`. */
function stepText({ step, item }: DeadLetter): string {
  return item ? `${item.each}/…/${step.slice(step.lastIndexOf('/') + 1)}` : step
}

function subjectText({ event, item }: DeadLetter): string {
  return item ? `${event.subject}, item ${item.key}` : event.subject
}

export function deadLetterText({ letter, resolution }: ListedLetter, { style, now }: View): string {
  const { flow, step, code, message, status, attempts, event } = letter
  const facts: [string, string][] = [
    ['dead letter', `${letter.id}, ${resolution}`],
    ['flow', `${flow}, step ${step}`],
    ['cause', `${code}: ${message}`],
    ...(status === undefined ? [] : [['answer', `HTTP ${status}`] satisfies [string, string]]),
    ['tried', `${counted(attempts, 'time')}, first ${letter.firstAt}`],
    ['given up', `${letter.lastAt}, ${relative(letter.lastAt, now)}`],
    ...(letter.item ? [['item', `${letter.item.key} of ${letter.item.each}`] satisfies [string, string]] : []),
    ['event', `${event.type} ${event.subject}, ${event.id}`],
    ['lies at', `${letter.topic}/${letter.partition}/${letter.offset}`],
    ['config', letter.configHash],
  ]
  const width = Math.max(...facts.map(([name]) => widthOf(name)))
  const lines = facts.map(([name, value]) => `${style.dim(name.padEnd(width))}  ${plain(value)}`)
  return [
    ...lines,
    ...(letter.details === undefined ? [] : blockText(detailsTitle(status), letter.details, style)),
    ...(letter.item ? blockText('The item, which a redrive does alone', letter.item.value, style) : []),
    ...blockText('The event', event.data, style),
    ...(Object.keys(letter.names).length > 0 ? blockText('What earlier steps had added', letter.names, style) : []),
    '',
    resolution === 'open'
      ? `Once the cause is mended:\n  twenty-sync dead-letters redrive ${letter.id.slice(0, 13)}`
      : `Nothing to do: it was ${resolution}.`,
  ].join('\n')
}

/** Only an answer has a status: what a step of ours found was said by nobody else. */
function detailsTitle(status: number | undefined): string {
  return status === undefined ? 'In detail' : 'What the other side said'
}

function blockText(title: string, value: unknown, style: Style): string[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return ['', style.bold(title), ...text.split('\n').map(line => `  ${plain(line).trimEnd()}`)]
}
