import type { FieldReport, LinkReport, ListedConflict, ListedLink, SideReport } from '../../runtime/sync-reports.ts'
import { LINK_STATES } from '../../sync/link-state.ts'
import type { View } from './status-text.ts'
import { kindText, recordText, saidText, valueText } from './sync-text.ts'
import { table } from './table.ts'
import { plain, shortIds } from './text.ts'
import { relative } from './time.ts'

const STATE_WIDTH = Math.max(...LINK_STATES.map(({ length }) => length))

/** What waits for a person, oldest first. */
export function conflictsText(listed: readonly ListedConflict[], { width, style, now }: View): string {
  if (listed.length === 0) return 'nothing waits for a person'
  const short = shortIds(listed.map(({ link }) => link))
  return table(
    listed,
    [
      { title: 'ID', value: ({ link }) => short(link), paint: text => style.cyan(text) },
      { title: 'SYNC', value: ({ sync }) => sync },
      { title: 'KIND', value: ({ kind }) => kind, paint: text => style.yellow(text) },
      { title: 'SINCE', value: ({ since }) => (since > 0 ? relative(since, now) : '') },
      { title: 'LEFT', value: ({ left = '' }) => plain(left), shrinks: true },
      { title: 'RIGHT', value: ({ right = '' }) => plain(right), shrinks: true },
      { title: 'ABOUT', value: aboutText, shrinks: true },
    ],
    { width, head: style.dim },
  )
}

function aboutText({ fields, message, taskUrl }: ListedConflict): string {
  const what = message ?? fields?.join(', ') ?? ''
  return plain(taskUrl ? `${what} (${taskUrl})` : what)
}

/** One conflict: what contends, who said so and when, and the commands that decide it. */
export function conflictText(report: LinkReport, view: View): string {
  const { now } = view
  const { conflict } = report
  const kind = conflict
    ? `${kindText(conflict.kind)}${conflict.since > 0 ? ` since ${relative(conflict.since, now)}` : ''}`
    : `nothing waits: ${report.state}`
  const contested = report.fields.filter(({ held, problem }) => held ?? problem)
  return [
    headText(report, kind, view),
    ...(conflict?.message ? [`  ${plain(conflict.message)}`] : []),
    ...(report.taskUrl ? [`  task ${plain(report.taskUrl)}`] : []),
    ...sidesText(report, view),
    ...contested.flatMap(field => ['', ...contestText(field, report, view)]),
    ...sameKeyText(report, view),
    ...suggestionsText(report, view),
  ].join('\n')
}

/** All that is known about a pair. */
export function linkText(report: LinkReport, view: View): string {
  const { style, now } = view
  const rows = report.fields.map(field => ({ field }))
  return [
    headText(report, report.state, view),
    ...(report.conflict?.message ? [`  ${plain(report.conflict.message)}`] : []),
    ...(report.intent ? [`  being written: ${report.intent.writes.join(', ')}`] : []),
    ...(report.endedAt ? [`  ${report.state} ${relative(report.endedAt, now)}`] : []),
    ...sidesText(report, view),
    '',
    table(
      rows,
      [
        { title: 'FIELD', value: ({ field }) => plain(field.name) },
        { title: 'AGREED', value: ({ field }) => (field.agreed ? valueText(field.agreed.value) : ''), shrinks: true },
        { title: 'FROM', value: ({ field }) => (field.agreed ? systemOf(report, field.agreed.from) : '') },
        { title: 'AT', value: ({ field }) => field.agreed?.at ?? '' },
        { title: 'LEFT', value: ({ field }) => differs(field, 'left'), shrinks: true },
        { title: 'RIGHT', value: ({ field }) => differs(field, 'right'), shrinks: true },
        { title: 'STATE', value: ({ field }) => fieldState(field), paint: text => style.yellow(text) },
      ],
      { width: view.width, head: style.dim, indent: '  ' },
    ),
    ...suggestionsText(report, view),
  ].join('\n')
}

/** One pair of an endless list: no column can wait for the width of the next. */
export function linkLine({ id, sync, state, left, right }: ListedLink, { style }: Pick<View, 'style'>): string {
  const side = ({ id: record, ...name }: ListedLink['left']) => recordText(name, record ?? '-')
  const paint = state === 'in step' ? style.green : style.yellow
  return `${style.cyan(id.slice(0, 8))}  ${paint(state.padEnd(STATE_WIDTH))}  ${plain(sync)}  ${side(left)}  ${side(right)}`
}

function headText({ id, sync }: LinkReport, what: string, { style }: View): string {
  return `${style.bold(plain(sync))}  ${style.cyan(id)}  ${style.yellow(plain(what))}`
}

function sidesText({ left, right, leftName, rightName }: LinkReport, { now, style }: View): string[] {
  return [
    `  ${style.dim('left ')} ${left ? sideText(left, now) : `no ${recordText(leftName)}`}`,
    `  ${style.dim('right')} ${right ? sideText(right, now) : `no ${recordText(rightName)}`}`,
  ]
}

function sideText(side: SideReport, now: number): string {
  const { version, confirmedAt, deletedAt, missing, takesPart } = side
  const facts = [
    `version ${version}`,
    ...(confirmedAt ? [`seen ${relative(confirmedAt, now)}`] : []),
    ...(deletedAt ? [`deleted ${relative(deletedAt, now)}`] : []),
    ...(missing ? ['not found'] : []),
    ...(takesPart ? [] : ['left out by `where`']),
  ]
  return `${recordText(side, side.id)}  ${facts.join(', ')}`
}

function contestText(field: FieldReport, report: LinkReport, { style, now }: View): string[] {
  const { held, problem } = field
  const head = `  ${style.bold(plain(field.name))}${held?.kind === 'loop' ? style.yellow('  goes back and forth') : ''}`
  if (!held) return [head, `    ${plain(problem ?? '')}`]
  const names = [report.leftName.system, report.rightName.system]
  const width = Math.max(...names.map(name => name.length), 6)
  const line = (name: string, text: string) => `    ${style.dim(plain(name).padEnd(width))}  ${text}`
  return [
    head,
    line(report.leftName.system, saidText(held.left, now)),
    line(report.rightName.system, saidText(held.right, now)),
    ...(held.before ? [line('before', beforeText(held.before, now))] : []),
  ]
}

/** When it was said is not known of what only the side that changed last still showed. */
function beforeText({ value, at, by }: NonNullable<NonNullable<FieldReport['held']>['before']>, now: number): string {
  return at === undefined ? valueText(value) : saidText({ value, at, ...(by && { by }) }, now)
}

function sameKeyText({ sameKey = [] }: LinkReport, { style }: View): string[] {
  if (sameKey.length === 0) return []
  return [
    '',
    `  ${style.bold('with the same key')}`,
    ...sameKey.map(record => `    ${recordText(record, record.id)}  ${valueText(record.native)}`),
  ]
}

function suggestionsText({ suggestions }: LinkReport, { style }: View): string[] {
  if (suggestions.length === 0) return []
  return ['', ...suggestions.flatMap(({ command, does }) => [`  ${command}`, `      ${style.dim(plain(does))}`])]
}

/** Only what a side shows differently. */
function differs(field: FieldReport, side: 'left' | 'right'): string {
  const { shown } = field[side]
  if (shown === undefined) return ''
  return field.agreed && JSON.stringify(field.agreed.value) === JSON.stringify(shown) ? '' : valueText(shown)
}

function fieldState({ held, problem, agreed }: FieldReport): string {
  if (held) return held.kind === 'loop' ? 'frozen' : 'contested'
  return problem ? 'no counterpart' : agreed ? '' : 'nothing said'
}

function systemOf(report: LinkReport, side: 'left' | 'right'): string {
  return plain(report[`${side}Name`].system)
}
