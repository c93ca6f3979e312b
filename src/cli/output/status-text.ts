import type { PollRuns } from '../../connectors/connector.ts'
import type { ConnectorReport, FlowReport, StatusReport, SystemReport } from '../../runtime/operations.ts'
import type { SyncReport } from '../../runtime/sync-reports.ts'
import type { Style } from './style.ts'
import { recordText, syncNotes, syncState } from './sync-text.ts'
import { type Column, table } from './table.ts'
import { bytes, count, counted, plain, rate, wrap } from './text.ts'
import { duration, relative } from './time.ts'

type Poll = NonNullable<ConnectorReport['poll']>

export interface View {
  readonly width: number | undefined
  readonly style: Style
  readonly now: number
}

/** Everything that runs, one line each, and a second line for what needs attention. */
export function statusText(status: StatusReport, view: View): string {
  return [
    headText(status, view),
    section('SYSTEMS', status.systems, systemColumns(status, view), systemNotes(view), view),
    section('CONNECTORS', status.connectors, connectorColumns(view), connectorNotes(view), view),
    section('FLOWS', status.flows, flowColumns(status, view), flowNotes(view), view),
    section('SYNCS', status.syncs, syncColumns(view), sync => syncNotes(sync, view), view),
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function headText({ running, startedAt, engine, intake, usage }: StatusReport, { style, now }: View): string {
  const since = startedAt ? ` for ${duration(now - Date.parse(startedAt))}` : ''
  const state = running ? style.green(`running${since}`) : style.yellow('not running; this is what is stored')
  const full = usage ? `, ${bytes(usage.bytes)}${usage.limit ? ` of ${bytes(usage.limit)}` : ''}` : ''
  return [`twenty-sync ${state}`, `engine ${engine}${full}`, ...(intake ? [`intake ${intake}`] : [])].join('\n')
}

/** A table with the notes of each row under it. */
function section<Row extends { readonly name: string }>(
  title: string,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  notes: (row: Row) => readonly string[],
  { width, style }: View,
): string {
  if (rows.length === 0) return ''
  const [, ...lines] = table(rows, columns, { width, indent: '  ' }).split('\n')
  const [head] = table(rows, columns, { width, indent: '  ', head: style.dim }).split('\n')
  const body = rows.flatMap((row, at) => [
    lines[at]!,
    ...notes(row).flatMap(note => wrap(plain(note), (width ?? 100) - 6).map(line => `      ${style.yellow(line)}`)),
  ])
  return [style.bold(title), head, ...body].join('\n')
}

function systemColumns({ running }: StatusReport, { style }: View): Column<SystemReport>[] {
  return [
    { title: 'NAME', value: ({ name }) => name },
    { title: 'TYPE', value: ({ type }) => type },
    {
      title: 'STATE',
      value: system => (running ? systemState(system) : ''),
      paint: text => (text === 'ready' ? style.green(text) : style.red(text)),
    },
    { title: 'LIMITER', value: limiterText },
    { title: 'ADDRESS', value: ({ url }) => url ?? '', shrinks: true },
  ]
}

function systemState({ ready, breaker = 'closed' }: SystemReport): string {
  if (!ready) return 'not ready'
  return breaker === 'closed' ? 'ready' : `breaker ${breaker}`
}

function limiterText({ limiter }: SystemReport): string {
  if (!limiter) return ''
  const { available, waiting, blockedMs } = limiter
  const queue = waiting > 0 ? `, ${count(waiting)} waiting` : ''
  return `${blockedMs > 0 ? `rests for ${duration(blockedMs)}` : `${count(available)} calls free`}${queue}`
}

function systemNotes({ now }: View) {
  return ({ reason, nextTryAt }: SystemReport) => (reason ? [stopText('', reason, nextTryAt, now)] : [])
}

function connectorColumns({ now }: View): Column<ConnectorReport>[] {
  return [
    { title: 'NAME', value: ({ name }) => name },
    { title: 'TYPE', value: ({ type }) => type },
    { title: 'PATH', value: ({ path }) => path ?? '', shrinks: true },
    { title: 'OBJECTS', value: ({ objects }) => objects.join(', '), shrinks: true },
    { title: 'RECEIVED', value: ({ received }) => count(received), align: 'right' },
    { title: 'DROPPED', value: ({ dropped }) => count(sum(dropped)), align: 'right' },
    { title: 'REFUSED', value: ({ refused }) => count(refused), align: 'right' },
    { title: 'POLL', value: ({ poll }) => pollText(poll, now) },
  ]
}

function pollText(poll: ConnectorReport['poll'], now: number): string {
  if (!poll) return ''
  if (poll.runs) return runsText(poll, poll.runs, now)
  if (poll.state === 'polling' || poll.state === 'elsewhere') return poll.state
  if (poll.state === 'failing' || poll.lastEndedAt === undefined) return poll.state
  return relative(poll.lastEndedAt, now)
}

/** Of a poll with a schedule: the run that goes on or was the last, and when the next one begins. */
function runsText({ state, nextAt }: Poll, { current, last }: PollRuns, now: number): string {
  if (current) return state === 'waiting' ? 'cut off' : state
  const next = nextAt !== undefined && nextAt > now ? `next ${relative(nextAt, now)}` : state
  return last?.endedAt === undefined ? next : `${relative(last.endedAt, now)}, ${next}`
}

function runNotes(poll: Poll | undefined): string[] {
  const run = poll?.runs?.current ?? poll?.runs?.last
  if (!run) return []
  const { missed = 0, skipped = 0, pages, items, events, startedAt, endedAt } = run
  const what = `${count(pages)} ${pages === 1 ? 'page' : 'pages'}, ${count(items)} items, ${count(events)} events`
  const inText = endedAt === undefined ? 'run so far' : `last run, in ${duration(endedAt - startedAt)}`
  return [
    `${inText}: ${what}`,
    ...(missed > 0 ? [`it stands for ${count(missed)} more that were due while nothing was running`] : []),
    ...(skipped > 0 ? [`${count(skipped)} that were due while it went on were left out`] : []),
  ]
}

function connectorNotes({ now }: View) {
  return ({ dropped, poll }: ConnectorReport) => [
    ...runNotes(poll),
    ...(sum(dropped) > 0 ? [`dropped: ${reasonsText(dropped)}`] : []),
    ...(poll?.error ? [stopText('poll: ', poll.error, poll.nextAt, now)] : []),
  ]
}

function flowColumns({ running }: StatusReport, { style, now }: View): Column<FlowReport>[] {
  return [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'STATE', value: ({ state }) => state, paint: (text, { state }) => paintState(text, state, style) },
    { title: 'RATE', value: ({ perSecond }) => (running ? rate(perSecond) : ''), align: 'right' },
    { title: 'LAG', value: ({ lag }) => known(lag), align: 'right' },
    { title: 'OLDEST', value: ({ oldestUnfinishedAt: at }) => (at ? duration(now - Date.parse(at)) : '') },
    { title: 'PARKED', value: ({ parked }) => count(parked), align: 'right' },
    { title: 'DONE', value: ({ done }) => (running ? count(done) : ''), align: 'right' },
    { title: 'SKIPPED', value: ({ skipped }) => (running ? count(sum(skipped)) : ''), align: 'right' },
    { title: 'RETRIED', value: ({ retried }) => (running ? count(retried) : ''), align: 'right' },
    {
      title: 'DEAD',
      value: ({ deadLetters }) => known(deadLetters),
      align: 'right',
      paint: (text, { deadLetters }) => ((deadLetters ?? 0) > 0 ? style.red(text) : text),
    },
  ]
}

function syncColumns({ style }: View): Column<SyncReport>[] {
  return [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'STATE', value: syncState, paint: (text, { state }) => paintState(text, state, style) },
    { title: 'LEFT', value: ({ left }) => recordText(left), shrinks: true },
    { title: 'RIGHT', value: ({ right }) => recordText(right), shrinks: true },
    { title: 'PAIRS', value: ({ pairs }) => count(pairs), align: 'right' },
    { title: 'LAG', value: ({ lag }) => known(lag), align: 'right' },
    { title: 'DUE', value: ({ due }) => count(due), align: 'right' },
    {
      title: 'CONFLICTS',
      value: ({ conflicts }) => count(sum(conflicts)),
      align: 'right',
      paint: (text, { conflicts }) => (sum(conflicts) > 0 ? style.yellow(text) : text),
    },
  ]
}

/** What the log could not be asked is not zero. */
function known(value: number | null): string {
  return value === null ? '?' : count(value)
}

function paintState(text: string, state: FlowReport['state'], style: Style): string {
  if (state === 'running') return style.green(text)
  return state === 'stopped' ? style.red(text) : style.yellow(text)
}

function flowNotes({ now }: View) {
  return (flow: FlowReport) => {
    const { reason, nextTryAt, collected, parkedNext, skipped, lastError, unclassified, loops = [] } = flow
    return [
      ...loops.map(loopText),
      ...(reason ? [stopText('', reason, nextTryAt, now)] : []),
      ...(collected ? [collectedText(collected, now)] : []),
      ...(parkedNext ? [`parked: next try ${relative(parkedNext.at, now)}, after ${reasonText(parkedNext)}`] : []),
      ...(sum(skipped) > 0 ? [`skipped: ${reasonsText(skipped)}`] : []),
      ...(lastError ? [`last error ${relative(lastError.at, now)}: ${reasonText(lastError)}`] : []),
      ...(unclassified > 0 ? [`${count(unclassified)} unforeseen errors: please report them`] : []),
    ]
  }
}

/** `people: 12,000 of 50,000 items, 3 failed` */
function loopText({ step, done, skipped, failed, total }: NonNullable<FlowReport['loops']>[number]): string {
  const of = total === undefined ? '' : ` of ${count(total)}`
  return `${step}: ${count(done + skipped + failed)}${of} items${failed > 0 ? `, ${count(failed)} failed` : ''}`
}

function collectedText({ records, startAt }: NonNullable<FlowReport['collected']>, now: number): string {
  return `collected: ${counted(records, 'record')} ${startAt ? `that start ${relative(startAt, now)}` : 'that wait'}`
}

function stopText(
  prefix: string,
  reason: { code: string; message: string },
  nextTry: string | number | undefined,
  now: number,
): string {
  const next = nextTry === undefined ? '' : `; next try ${relative(nextTry, now)}`
  return `${prefix}${reasonText(reason)}${next}`
}

function reasonText({ code, message }: { code: string; message: string }): string {
  return `${code}: ${message}`
}

function reasonsText(reasons: Readonly<Record<string, number>>): string {
  return Object.entries(reasons)
    .map(([reason, times]) => `${count(times)} ${reason}`)
    .join(', ')
}

function sum(counts: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(counts).reduce<number>((total, value = 0) => total + value, 0)
}
