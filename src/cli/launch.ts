import type { Fields } from '../event.ts'
import type { LaunchPlace } from '../runtime/launch.ts'
import type { LaunchOutcomes, LaunchReport } from '../runtime/launch-report.ts'
import type { Operations } from '../runtime/operations.ts'
import { EXIT, UsageError } from './exit-code.ts'
import { interruptible } from './interrupt.ts'
import { readFields, readRecords } from './launch-data.ts'
import { ProgressLine } from './output/progress-line.ts'
import { type Column, table } from './output/table.ts'
import { count, counted } from './output/text.ts'
import type { Session } from './session.ts'

interface ListOptions {
  readonly list: string
  readonly data?: string
  readonly where?: string
  readonly wait?: boolean
}

/** Records in one call: they are appended together. */
const MOST_RECORDS = 500
const MOST_CHARACTERS = 4_000_000
const LOOK_MS = 1000

/** Appends an event for each record, and says what became of them where it is told to wait. */
export async function launchList(session: Session, place: LaunchPlace, options: ListOptions) {
  const parameters = options.data === undefined ? undefined : await readFields(session, options.data, '--data')
  const records = await readRecords(session, options.list, options.where)
  if (records.length === 0) throw new UsageError(`--list: ${options.list} has no record that is meant`)
  return session.onInstallation(async ({ operations, live }) => {
    const { run, topic } = await appendParts(operations, place, parameters, records)
    if (options.wait && live) return launchWaited(session, operations, place, run)
    const { connector, object } = place
    const source = object ? `${connector}.${object}` : connector
    const look = `twenty-sync trigger ${source} --report ${run}`
    const next = live ? '' : '; no daemon runs: flows that ran before take them when one does'
    await session.result({ run, topic, events: records.length }, () =>
      [`run ${run}: ${counted(records.length, 'event')} in ${topic}${next}`, `see \`${look}\``].join('\n'),
    )
    return undefined
  })
}

/** One event, as a run of its own, and what became of it. */
export async function launchOneWaited(session: Session, place: LaunchPlace, data: Fields | undefined) {
  return session.onInstallation(async ({ operations, live }) => {
    const { run, topic } = await operations.triggerList({ ...place, ...(data && { parameters: data }) })
    if (live) return launchWaited(session, operations, place, run)
    const text = `run ${run}: 1 event in ${topic}; no daemon runs: flows that ran before take it when one does`
    await session.result({ run, topic, events: 1 }, () => text)
    return undefined
  })
}

async function launchWaited(session: Session, operations: Operations, { connector, object }: LaunchPlace, run: string) {
  const report = await launchEnded(session, operations, { connector, ...(object && { object }), run })
  return showLaunch(session, report)
}

async function appendParts(
  operations: Operations,
  place: LaunchPlace,
  parameters: Fields | undefined,
  records: readonly Fields[],
): Promise<{ run: string; topic: string }> {
  let launched: { run: string; topic: string } | undefined
  let from = 0
  for (const part of partsOf(records)) {
    const query = { ...place, from, records: part, ...(parameters && { parameters }) }
    launched = await operations.triggerList(launched ? { ...query, run: launched.run } : query)
    from += part.length
  }
  return launched!
}

function* partsOf(records: readonly Fields[]): Generator<Fields[]> {
  let part: Fields[] = []
  let characters = 0
  for (const record of records) {
    const size = JSON.stringify(record).length
    if (part.length > 0 && (part.length >= MOST_RECORDS || characters + size > MOST_CHARACTERS)) {
      yield part
      part = []
      characters = 0
    }
    part.push(record)
    characters += size
  }
  yield part
}

/** Resolves when no flow has anything to do for the run, except what it tries again later. */
export function launchEnded(
  session: Session,
  operations: Operations,
  query: { connector: string; object?: string; run: string },
): Promise<LaunchReport> {
  const { shell } = session
  const line = new ProgressLine(shell.stderr, session.talkStyle, shell.clock)
  return interruptible(shell, async signal => {
    try {
      for (;;) {
        const report = await operations.triggerReport(query)
        if (report.flows.every(({ open }) => open === 0)) return report
        if (!session.json) await line.show(...progressOf(report))
        await shell.clock.sleep(LOOK_MS, signal)
      }
    } finally {
      await line.clear()
    }
  })
}

/** `12,000 of 50,000 items of newsletter (24%), 3 failed`; without an `each`, of the events. */
function progressOf({ flows, events }: LaunchReport): [text: string, share: number] {
  const flow = flows.find(({ open, items }) => open > 0 && items)
  const { done, skipped, failed, total = undefined } = flow?.items ?? outcomesOf(flows)
  const ended = done + skipped + failed
  const all = flow ? total : events * flows.length
  const share = all ? ended / all : 0
  const of = all === undefined ? '' : ` of ${count(all)}`
  const what = flow ? `items of ${flow.flow}` : flows.length === 1 ? 'events' : `events in ${flows.length} flows`
  const part = all ? ` (${Math.floor(share * 100)}%)` : ''
  return [`${count(ended)}${of} ${what}${part}${failed > 0 ? `, ${count(failed)} failed` : ''}`, share]
}

function outcomesOf(flows: readonly LaunchOutcomes[]): NonNullable<LaunchOutcomes['items']> {
  const add = (what: 'done' | 'skipped' | 'failed') => flows.reduce((total, flow) => total + flow[what], 0)
  return { done: add('done'), skipped: add('skipped'), failed: add('failed') }
}

/** The exit code, too: whether something failed. */
export async function showLaunch(session: Session, report: LaunchReport): Promise<number | undefined> {
  await session.result(report, () => launchText(report, session))
  const hasFailed = report.flows.some(({ failed, items }) => failed > 0 || (items?.failed ?? 0) > 0)
  return hasFailed ? EXIT.runtime : undefined
}

function launchText({ run, topic, events, flows }: LaunchReport, { width, style }: Session): string {
  const head = `run ${run}: ${counted(events, 'event')} in ${topic}`
  if (flows.length === 0) return `${head}; no flow reads them`
  const columns = flows.some(({ items }) => items) ? [...COLUMNS, ITEMS] : COLUMNS
  return [head, '', table(flows, columns, { width, indent: '  ', head: style.dim })].join('\n')
}

const ITEMS: Column<LaunchOutcomes> = { title: 'ITEMS', value: ({ items }) => (items ? itemsText(items) : '') }

/** `49,997 of 50,000 done, 3 failed` */
function itemsText({ done, skipped, failed, total }: NonNullable<LaunchOutcomes['items']>): string {
  const of = total === undefined ? '' : ` of ${count(total)}`
  const others = [skipped > 0 ? `, ${count(skipped)} skipped` : '', failed > 0 ? `, ${count(failed)} failed` : '']
  return `${count(done)}${of} done${others.join('')}`
}

const COLUMNS: Column<LaunchOutcomes>[] = [
  { title: 'FLOW', value: ({ flow }) => flow, shrinks: true },
  { title: 'DONE', value: ({ done }) => count(done), align: 'right' },
  { title: 'SKIPPED', value: ({ skipped }) => count(skipped), align: 'right' },
  { title: 'FAILED', value: ({ failed }) => count(failed), align: 'right' },
  { title: 'PARKED', value: ({ parked }) => count(parked), align: 'right' },
  { title: 'OPEN', value: ({ open }) => count(open), align: 'right' },
]
