import type { SideName, SyncConfig } from '../config/config.ts'
import type { Candidate, Link } from './link.ts'
import { SIDES } from './link.ts'
import { type Asked, homeOf } from './question.ts'

const MOST_VALUE = 160
const MOST_NAME = 80
const MOST_TITLE = 200

/** What stands in a task about a pair. */
export interface QuestionText {
  readonly config: SyncConfig
  readonly link: Link | undefined
  readonly id: string
  readonly asked: Readonly<Record<string, Asked>>
  /** Fields of `asked` that are still to be decided. */
  readonly open: readonly string[]
  readonly openedAt: number
}

export type Ticks = ReadonlyMap<string, readonly SideName[]>

export function titleOf({ config, link, id, open, asked }: QuestionText): string {
  const isLoop = open.some(name => asked[name]!.kind === 'loop')
  const what = isLoop ? 'Two programs overwrite each other' : 'Which value is right'
  return cut(`${what}? ${objectOf(config)} ${labelOf(config, link, id)}: ${open.join(', ')}`, MOST_TITLE)
}

/** @param ticks lines that a person has ticked and that stay so. */
export function bodyOf(text: QuestionText, ticks: Ticks = new Map()): string {
  const { config, link, id, asked, open } = text
  const home = labelOfSide(config, homeOf(config))
  const decided = Object.keys(asked).filter(name => !open.includes(name))
  return paragraphs([
    `${config.name}: ${objectOf(config)} ${escaped(labelOf(config, link, id))}. ${count(open.length)} cannot be decided without you, and on neither side written until you have. Everything else is kept in step.`,
    `Tick one line per field. Or edit the field in ${escaped(labelOfSide(config, 'left'))} or ${escaped(labelOfSide(config, 'right'))}: an edit made from now on counts (not where programs overwrite each other). Or set this task to done: what is not ticked then stays as ${escaped(home)} shows it.`,
    ...open.flatMap(name => [
      why(config, name, asked[name]!),
      lines(config, name, asked[name]!, ticks.get(name) ?? []),
    ]),
    ...decided.map(name => `Decided: ${decisionOf(config, link, name)}`),
    where(text),
  ])
}

/** When nothing is left to be decided. */
export function closingBody(text: QuestionText): string {
  const { config, link, id, asked } = text
  const names = Object.keys(asked)
  const isGone = !link || link.ended !== undefined
  return paragraphs([
    `${config.name}: ${objectOf(config)} ${escaped(labelOf(config, link, id))}. ${isGone ? 'No longer needed: the two records are no pair any more.' : 'Decided.'}`,
    ...(isGone ? [] : names.map(name => `- ${decisionOf(config, link, name)}`)),
    ...names.map(name => `${escaped(name)} was ${shown(config, asked[name]!)}.`),
    where(text),
  ])
}

/** The text beside the box, by which the line is found again: of which field and side, and the value. */
export function lineOf(config: SyncConfig, name: string, side: SideName, { [side]: candidate }: Asked): string {
  return `${prefixOf(config, name, side)} ${valueText(candidate.value)}`
}

/** What all lines for this field and side begin with, whatever the value. */
export function prefixOf(config: SyncConfig, name: string, side: SideName): string {
  const verb = side === homeOf(config) ? 'keep' : 'take'
  return `${escaped(name)}: ${verb} ${escaped(labelOfSide(config, side))}:`
}

function lines(config: SyncConfig, name: string, asked: Asked, ticked: readonly SideName[]): string {
  const home = homeOf(config)
  return [home, ...SIDES.filter(side => side !== home)]
    .map(side => `- [${ticked.includes(side) ? 'x' : ' '}] ${lineOf(config, name, side, asked)}`)
    .join('\n')
}

function why(config: SyncConfig, name: string, asked: Asked): string {
  if (asked.kind === 'ask') return `**${escaped(name)}** was changed on both sides: ${shown(config, asked)}.`
  return `**${escaped(name)}** goes back and forth, as if two programs answered each other: ${shown(config, asked)}. Stop one of them before you decide.`
}

function shown(config: SyncConfig, asked: Asked): string {
  return SIDES.map(
    side => `${valueText(asked[side].value)} in ${escaped(labelOfSide(config, side))}${originOf(asked[side])}`,
  ).join(', ')
}

function originOf({ by, at }: Pick<Candidate, 'by' | 'at'>): string {
  return ` (${by ? `by ${escaped(cut(by, MOST_NAME))}, ` : ''}${timeText(at)})`
}

function decisionOf(config: SyncConfig, link: Link | undefined, name: string): string {
  const { agreed, why: reason } = link?.fields[name] ?? {}
  if (!agreed) return `${escaped(name)}: no longer kept in step`
  const value = `${escaped(name)}: ${valueText(agreed.value)}, as in ${escaped(labelOfSide(config, agreed.from))}`
  if (!reason) return value
  const by = reason.by ? ` by ${escaped(cut(reason.by, MOST_NAME))}` : ''
  return `${value} (${escaped(reason.rule)}${by}, ${timeText(reason.decidedAt)})`
}

function where({ config, link, id, openedAt }: QuestionText): string {
  const records = SIDES.flatMap(side => {
    const record = link?.[side]
    return record ? [`${config[side].system} ${config[side].object} ${record.id}`] : []
  })
  return `Asked by twenty-sync on ${timeText(openedAt)}; pair ${id}: ${records.map(escaped).join(', ')}. More: \`twenty-sync conflicts show ${id}\`.`
}

/** Two sides of one system are told apart by their objects. */
export function labelOfSide(config: SyncConfig, side: SideName): string {
  const { system, object } = config[side]
  return config.left.system === config.right.system ? `${system} ${object}` : system
}

function objectOf(config: SyncConfig): string {
  return config[homeOf(config)].object
}

/** What a person calls the record: its name or title, else what it was matched by. */
function labelOf(config: SyncConfig, link: Link | undefined, id: string): string {
  const home = homeOf(config)
  const records = [home, ...SIDES.filter(side => side !== home)].flatMap(side => link?.[side] ?? [])
  for (const { native } of records) {
    for (const key of ['name', 'title', 'fullName']) {
      const found = nameOf(native[key])
      if (found) return cut(found, MOST_NAME)
    }
  }
  const key = records.flatMap(({ keys }) => keys)[0]
  return cut(key?.slice(key.indexOf(':') + 1) ?? records[0]?.id ?? id, MOST_NAME)
}

function nameOf(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  if (typeof value !== 'object' || value === null) return ''
  const { firstName, lastName } = value as { firstName?: unknown; lastName?: unknown }
  return [firstName, lastName].filter(part => typeof part === 'string' && part !== '').join(' ')
}

/** As code, so that nothing in it is taken for Markdown or made a link. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined || value === '') return '(empty)'
  const whole = typeof value === 'string' ? value : JSON.stringify(value)
  const text = cut(whole.replaceAll(/\s*\n\s*/g, ' ⏎ ').replaceAll(/\p{Cc}/gu, ' '), MOST_VALUE)
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : ''
  return `${fence}${pad}${text}${pad}${fence}`
}

function escaped(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>#~|]/g, '\\$&')
}

export function cut(text: string, most: number): string {
  const characters = [...text]
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function count(fields: number): string {
  return fields === 1 ? 'One field' : `${fields} fields`
}

function paragraphs(parts: readonly string[]): string {
  return parts.filter(part => part !== '').join('\n\n')
}
