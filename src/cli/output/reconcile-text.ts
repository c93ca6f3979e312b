import type { ReconcileProgress, RecordName } from '../../runtime/sync-reports.ts'
import type { ReconcileReport } from '../../sync/reconcile-report.ts'
import type { View } from './status-text.ts'
import { recordText, valueText } from './sync-text.ts'
import { table } from './table.ts'
import { count, counted, plain } from './text.ts'

export type Reading = Exclude<ReconcileProgress, { report: ReconcileReport }>
export type Compared = Extract<ReconcileProgress, { report: ReconcileReport }>

/** `reading twenty person: 1,200 of 10,000 (12%)` */
export function readingText({ name, seen, total }: Reading): string {
  const part = total === undefined || total === 0 ? '' : ` (${Math.min(100, Math.floor((seen * 100) / total))}%)`
  return `reading ${recordText(name)}: ${count(seen)}${total === undefined ? '' : ` of ${count(total)}`}${part}`
}

/** 0 to 1; not known without a total. */
export function readingShare({ seen, total }: Reading): number {
  return total ? seen / total : 0
}

/** What the comparison found, line by line; nothing that is zero but `equal`. */
export function reportText({ report, leftName, rightName }: Compared, view: View): string {
  const [left, right] = [recordText(leftName), recordText(rightName)]
  const { differs } = report
  const rows: [string, number][] = [
    ['equal', report.equal],
    [`only in ${right}`, report.missing.left],
    [`only in ${left}`, report.missing.right],
    [`differs, ${left} moved`, differs.left],
    [`differs, ${right} moved`, differs.right],
    ['differs, both moved', differs.both],
    ['differs, a write is outstanding', differs.neither],
    [`deleted in ${left}`, report.deleted.left],
    [`deleted in ${right}`, report.deleted.right],
    ['waits for a person', report.held],
    ['left out by `where`', report.excluded],
  ]
  const shown = rows.filter(([name, times]) => name === 'equal' || times > 0)
  return [
    `compared ${count(report.left)} of ${left} with ${count(report.right)} of ${right}`,
    table(
      shown,
      [
        { title: 'PAIRS', value: ([name]) => name },
        { title: 'COUNT', value: ([, times]) => count(times), align: 'right' },
      ],
      { width: view.width, indent: '  ', head: view.style.dim },
    ),
    ...samplesText(report, [leftName, rightName], view),
  ].join('\n')
}

function samplesText({ samples, writes }: ReconcileReport, names: readonly RecordName[], { style }: View): string[] {
  if (samples.length === 0) return []
  const all = writes.creates + writes.updates + writes.deletes
  const [leftName, rightName] = names as [RecordName, RecordName]
  const some = all > samples.length ? `, ${samples.length} of ${count(all)} shown` : ''
  return [
    '',
    `${style.bold('to be written')}${some}`,
    ...samples.flatMap(({ left, right, what, fields = {} }) => [
      `  ${style.yellow(sided(what, leftName, rightName))}  ${plain([left, right].filter(Boolean).join(' = '))}`,
      ...Object.entries(fields).map(([name, value]) => {
        const old = what.endsWith('left') ? value.left : value.right
        return `    ${plain(name)}  ${valueText(old)} ${style.dim('->')} ${valueText(value.agreed)}`
      }),
    ]),
  ]
}

/** `update twenty` in place of `update left`. */
function sided(what: string, left: RecordName, right: RecordName): string {
  if (left.system === right.system) return what
  return what.replaceAll(/\bleft\b/g, left.system).replaceAll(/\bright\b/g, right.system)
}

/** `12 creates, 3 updates` */
export function writesText({ creates, updates, deletes }: ReconcileReport['writes']): string {
  const texts = [
    ...(creates > 0 ? [counted(creates, 'create')] : []),
    ...(updates > 0 ? [counted(updates, 'update')] : []),
    ...(deletes > 0 ? [counted(deletes, 'delete')] : []),
  ]
  return texts.length === 0 ? 'nothing' : texts.join(', ')
}
