import type { FieldReport, Finding, LinkReport, WhyNotReport, WhyReport } from '../../runtime/sync-reports.ts'
import type { View } from './status-text.ts'
import type { Style } from './style.ts'
import { recordText, saidText, valueText } from './sync-text.ts'
import { counted, plain } from './text.ts'
import { relative } from './time.ts'

/** Per field where its value is from, which rule let it win, and what lost. */
export function whyText(report: WhyReport, view: View): string {
  const { syncs, flows } = report
  const parts = [...syncs.map(each => syncText(each, view)), ...(flows.length > 0 ? [flowsText(report, view)] : [])]
  if (parts.length > 0) return parts.join('\n\n')
  const { system, object, id, writesKept } = report
  if (writesKept) {
    return `nothing here wrote ${recordText(report, id)}, and no sync knows it; twenty-sync why-not ${system} ${object} ${id}`
  }
  const nobody = `no flow and no sync reads changes of ${plain(system)}, so it is not kept which flow wrote what there`
  return `${nobody}; \`twenty-sync events list\` and \`events show <id>\` say what each event wrote`
}

function syncText(report: LinkReport, view: View): string {
  const { style } = view
  const head = `${style.bold(`sync ${plain(report.sync)}`)}  ${style.cyan(report.id)}  ${report.state}`
  const fields = report.fields.filter(({ agreed, held }) => agreed ?? held)
  return [head, ...fields.flatMap(field => fieldText(field, report, view))].join('\n')
}

function fieldText(field: FieldReport, report: LinkReport, { style, now }: View): string[] {
  const { agreed, why, held } = field
  const nameOf = (side: 'left' | 'right') => plain(report[`${side}Name`].system)
  const value = agreed ? valueText(agreed.value) : 'nothing agreed yet'
  const from = agreed ? `  from ${nameOf(agreed.from)}${agreed.by ? `, by ${plain(agreed.by)}` : ''}, ${agreed.at}` : ''
  const event = why?.event ? `; event ${plain(why.event)}${why.place ? ` at ${plain(why.place)}` : ''}` : ''
  return [
    `  ${style.bold(plain(field.name))}  ${value}${style.dim(from)}`,
    ...(why ? [`    ${plain(why.rule)}, decided ${relative(why.decidedAt, now)}${event}`] : []),
    ...(why?.lost ? [`    ${style.dim('lost:')} ${nameOf(why.lost.side)} ${saidText(why.lost, now)}`] : []),
    ...(held
      ? [
          `    ${style.yellow('contested:')} ${nameOf('left')} ${saidText(held.left, now)}; ${nameOf('right')} ${saidText(held.right, now)}`,
        ]
      : []),
  ]
}

function flowsText({ flows }: WhyReport, { style }: View): string {
  return [
    style.bold('written by flows, newest last'),
    ...flows.map(({ flow, operation, event, place, fields, version }) => {
      const what = fields.length > 0 ? ` ${fields.join(', ')}` : ''
      const where = place ? ` at ${plain(place)}` : ''
      return `  ${plain(flow)}  ${operation}${plain(what)}  for event ${plain(event)}${where}${version ? style.dim(`  ${version}`) : ''}`
    }),
  ].join('\n')
}

/** The reasons why nothing happened, and what to do about each. */
export function whyNotText(report: WhyNotReport, { style, now }: View): string {
  const { events, lastEvent, findings } = report
  const last = lastEvent
    ? `; the newest is ${plain(lastEvent.type)} of ${lastEvent.time}, ${relative(lastEvent.time, now)}, at ${plain(lastEvent.place)}`
    : ''
  return [
    `${style.bold(recordText(report, report.id))}  ${counted(events, 'event')} in the log${last}`,
    ...findings.flatMap(finding => findingText(finding, style)),
    ...(findings.length === 0 ? ['  nothing stands in its way'] : []),
  ].join('\n')
}

function findingText({ flow, sync, verdict, says, next }: Finding, style: Style): string[] {
  const who = flow ? `flow ${flow}` : sync ? `sync ${sync}` : ''
  const isFine = verdict === 'in step' || verdict === 'done' || verdict === 'echo'
  const paint = isFine ? style.green : style.yellow
  return [
    `  ${who ? `${style.bold(plain(who))}  ` : ''}${paint(verdict)}: ${plain(says)}`,
    ...(next ? [`      ${style.dim('next:')} ${plain(next)}`] : []),
  ]
}
