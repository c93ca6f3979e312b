import type { EventStory, Outcome } from '../../runtime/operations.ts'
import { placeOf } from './events-text.ts'
import type { View } from './status-text.ts'
import type { Style } from './style.ts'
import { plain, widthOf } from './text.ts'
import { relative } from './time.ts'

type FlowStory = EventStory['flows'][number]

/** One event from where it came to what became of it, to be read from top to bottom. */
export function storyText(story: EventStory, { style, now }: View): string {
  return [
    `${style.bold(plain(story.type))}  ${plain(story.subject)}`,
    factsText(story, style, now),
    '',
    style.bold('Data'),
    dataText(story.data),
    '',
    style.bold('What became of it'),
    story.flows.length === 0
      ? '  no flow reads this topic'
      : story.flows.map(flow => flowText(flow, style, now)).join('\n'),
  ].join('\n')
}

function factsText(story: EventStory, style: Style, now: number): string {
  const facts: [string, string][] = [
    ['id', story.id],
    ['happened', `${story.time}, ${relative(story.time, now)}`],
    ['came in', `${story.appendedAt}, ${relative(story.appendedAt, now)}`],
    ['lies at', placeOf(story)],
    ...(story.changed ? [['changed', story.changed.join(', ')] satisfies [string, string]] : []),
    ...Object.entries(story.extensions ?? {}),
  ]
  const width = Math.max(...facts.map(([name]) => widthOf(name)))
  return facts.map(([name, value]) => `  ${style.dim(plain(name).padEnd(width))}  ${plain(value)}`).join('\n')
}

function dataText(data: unknown): string {
  return JSON.stringify(data, null, 2)
    .split('\n')
    .map(line => `  ${plain(line).trimEnd()}`)
    .join('\n')
}

const SAYS: Readonly<Record<Outcome, (flow: FlowStory, now: number) => string>> = {
  done: ({ at }, now) => `done${when(at, now)}`,
  skipped: ({ at }, now) => `skipped${when(at, now)}`,
  parked: ({ at }, now) => `parked${at ? `, tried again ${relative(at, now)}` : ''}`,
  'dead letter': ({ at }, now) => `given up${when(at, now)}`,
  running: () => 'being worked on',
  waiting: () => 'waits for its turn',
  'without effect': () => 'finished without effect',
  'not taken': () => 'not taken',
}

function flowText(flow: FlowStory, style: Style, now: number): string {
  const head = `  ${style.bold(plain(flow.flow))}  ${paintOutcome(flow.outcome, style)(SAYS[flow.outcome](flow, now))}`
  const reason = flow.reason ? `: ${plain(flow.reason)}` : ''
  const letter = flow.deadLetter ? [`      dead letter ${plain(flow.deadLetter)}`] : []
  return [head + reason, ...flow.steps.map(step => `      ${stepText(step, style)}`), ...letter].join('\n')
}

function stepText({ step, wrote, skipped, open }: FlowStory['steps'][number], style: Style): string {
  const name = plain(step)
  if (wrote) return `${name}  wrote ${style.cyan(plain(wrote))}`
  if (skipped) return `${name}  ${style.dim(`skipped: ${plain(skipped)}`)}`
  return open ? `${name}  ${style.yellow('begun, its outcome is not known yet')}` : `${name}  done`
}

function paintOutcome(outcome: Outcome, style: Style): (text: string) => string {
  if (outcome === 'done') return style.green
  if (outcome === 'dead letter') return style.red
  return outcome === 'parked' || outcome === 'running' || outcome === 'waiting' ? style.yellow : style.dim
}

function when(at: string | undefined, now: number): string {
  return at ? ` ${relative(at, now)}` : ''
}
