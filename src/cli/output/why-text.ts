import type { FieldReport, Finding, LinkReport, WhyNotReport, WhyReport } from '../../runtime/sync-reports.ts'
import type { View } from './status-text.ts'
import type { Style } from './style.ts'
import { recordText, saidText, valueText } from './sync-text.ts'
import { counted, plain } from './text.ts'
import { relative } from './time.ts'

/** Per field where its value is from, which rule let it win, and what lost; what flows wrote, and did because of it. */
export function whyText(report: WhyReport, view: View): string {
  const { syncs, flows, effects } = report
  const parts = [
    ...syncs.map(each => syncText(each, view)),
    ...(flows.length > 0 ? [flowsText(report, view)] : []),
    ...(effects.length > 0 ? [effectsText(report, view)] : []),
  ]
  if (parts.length > 0) return parts.join('\n\n')
  const { system, object, id, writesKept } = report
  const record = recordText(report, id)
  if (writesKept) {
    return `nothing here wrote ${record}, and no sync knows it; twenty-sync why-not ${system} ${object} ${id}`
  }
  return [
    `no flow remembers that it wrote ${record}. Flows remember for 35 days, or their \`remember\`, and only what an answer names;`,
    'ask for the record because of which it was done: `twenty-sync why twenty opportunity <id>`, for example',
  ].join('\n')
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

function flowsText({ flows }: WhyReport, { style, now }: View): string {
  return [
    style.bold('written by flows, newest last'),
    ...flows.map(({ flow, step, operation, event, place, about, fields, version, at }) => {
      const what = fields.length > 0 ? ` ${fields.join(', ')}` : ''
      const whose = about ? ` of ${plain(about)}` : ''
      const where = place ? ` at ${plain(place)}` : ''
      const when = version ?? (at && relative(at, now))
      return `  ${plain(flow)}  ${plain(step ?? operation + what)}  for event ${plain(event)}${whose}${where}${when ? style.dim(`  ${when}`) : ''}`
    }),
  ].join('\n')
}

function effectsText({ effects }: WhyReport, { style, now }: View): string {
  return [
    style.bold('done by flows because of it, newest last'),
    ...effects.flatMap((effect, at) => {
      const { flow, step, event, type, place, at: done } = effect
      const isNext = effects[at - 1]?.event !== event
      return [
        ...(isNext ? [`  for ${plain(type)} ${plain(event)} at ${plain(place)}`] : []),
        `    ${plain(flow)}  ${plain(step)}  ${outcomeText(effect, style)}${done ? style.dim(`  ${relative(done, now)}`) : ''}`,
      ]
    }),
  ].join('\n')
}

function outcomeText({ system, wrote, skipped, open }: WhyReport['effects'][number], style: Style): string {
  const target = wrote ? recordText({ system, object: wrote.object }, wrote.id) : plain(system)
  if (skipped !== undefined) return style.dim(`skipped: ${plain(skipped)} (${target})`)
  if (open) return style.yellow(`begun in ${target}, its outcome is not known`)
  return wrote ? `wrote ${style.cyan(target)}` : `done in ${target}`
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
