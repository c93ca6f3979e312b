import type { Fields } from '../event.ts'
import type { LaunchPlace } from '../runtime/launch.ts'
import type { LaunchOutcomes, LaunchReport } from '../runtime/launch-report.ts'
import type { Operations } from '../runtime/operations.ts'
import { EXIT, UsageError } from './exit-code.ts'
import { interruptible } from './interrupt.ts'
import { readFields, readRecords } from './launch-data.ts'
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
    const { connector, object } = place
    const query = { connector, ...(object && { object }), run }
    const source = object ? `${connector}.${object}` : connector
    const look = `twenty-sync trigger ${source} --report ${run}`
    if (options.wait && live) {
      const report = await launchEnded(session, operations, query)
      await showLaunch(session, report)
      return report.flows.some(({ failed }) => failed > 0) ? EXIT.runtime : undefined
    }
    const next = live ? '' : '; no daemon runs: flows that ran before take them when one does'
    await session.result({ run, topic, events: records.length }, () =>
      [`run ${run}: ${counted(records.length, 'event')} in ${topic}${next}`, `see \`${look}\``].join('\n'),
    )
    return undefined
  })
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
  return interruptible(shell, async signal => {
    for (;;) {
      const report = await operations.triggerReport(query)
      if (report.flows.every(({ open }) => open === 0)) return report
      await shell.clock.sleep(LOOK_MS, signal)
    }
  })
}

export async function showLaunch(session: Session, report: LaunchReport): Promise<void> {
  await session.result(report, () => launchText(report, session))
}

function launchText({ run, topic, events, flows }: LaunchReport, { width, style }: Session): string {
  const head = `run ${run}: ${counted(events, 'event')} in ${topic}`
  if (flows.length === 0) return `${head}; no flow reads them`
  return [head, '', table(flows, COLUMNS, { width, indent: '  ', head: style.dim })].join('\n')
}

const COLUMNS: Column<LaunchOutcomes>[] = [
  { title: 'FLOW', value: ({ flow }) => flow, shrinks: true },
  { title: 'DONE', value: ({ done }) => count(done), align: 'right' },
  { title: 'SKIPPED', value: ({ skipped }) => count(skipped), align: 'right' },
  { title: 'FAILED', value: ({ failed }) => count(failed), align: 'right' },
  { title: 'PARKED', value: ({ parked }) => count(parked), align: 'right' },
  { title: 'OPEN', value: ({ open }) => count(open), align: 'right' },
]
