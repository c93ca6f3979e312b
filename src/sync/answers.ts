import type { SideName } from '../config/config.ts'
import { planContext, type SyncContext } from './context.ts'
import { type Link, SIDES } from './link.ts'
import { resolveField } from './merge.ts'
import { type Asked, homeOf, isSameContest, type Question } from './question.ts'
import { lineOf, prefixOf, type Ticks } from './question-text.ts'
import type { Task } from './tasks.ts'

/** What a person did to the body of a task. */
export interface BodyReading {
  /** Sides whose line is ticked, by field. */
  readonly ticks: Ticks
  /** Lines that are not ours, as they stand. */
  readonly notes: readonly string[]
}

interface Line {
  readonly raw: string
  /** Without marks of Markdown, which editors write as they like. */
  readonly bare: string
  readonly ticked?: boolean
}

const BOX = /^\s*(?:[-*+•]|\d+[.)])?\s*\\?\[([ xX✓✔]?)\\?\]\s*(.*)$/u

/** Lines are known by their text alone: editors keep nothing else. */
export function readBody({ config }: SyncContext, { asked, body }: Question, now: string): BodyReading {
  const lines = now.split(/\r?\n/).map(lineFrom)
  const ticked = new Set(lines.filter(line => line.ticked).map(({ bare }) => bare))
  const ticks = new Map<string, SideName[]>()
  for (const [name, contest] of Object.entries(asked)) {
    const sides = SIDES.filter(side => ticked.has(bareOf(lineOf(config, name, side, contest))))
    if (sides.length > 0) ticks.set(name, sides)
  }
  return { ticks, notes: notesIn(lines, body ?? now, prefixes(config, asked)) }
}

function notesIn(lines: readonly Line[], ours: string, begins: readonly string[]): string[] {
  const known = new Set(ours.split(/\r?\n/).map(text => lineFrom(text).bare))
  const notes = new Map<string, string>()
  for (const { raw, bare, ticked } of lines) {
    const isOld = ticked !== undefined && begins.some(begin => bare.startsWith(begin))
    if (bare !== '' && !known.has(bare) && !isOld) notes.set(bare, raw)
  }
  return [...notes.values()]
}

function prefixes(config: SyncContext['config'], asked: Question['asked']): string[] {
  return Object.keys(asked).flatMap(name => SIDES.map(side => bareOf(prefixOf(config, name, side))))
}

function lineFrom(raw: string): Line {
  const [, mark, text] = BOX.exec(raw) ?? []
  if (text === undefined) return { raw: raw.trimEnd(), bare: bareOf(raw.replace(/^\s*[-*+•]\s+/, '')) }
  return { raw: raw.trimEnd(), bare: bareOf(text), ticked: mark !== '' && mark !== ' ' }
}

function bareOf(text: string): string {
  return text.replaceAll(/[\\`*_~<>\s]/g, '')
}

/**
 * Decides the fields to which the task has the answer. What a person answered is taken as they saw it; where a side was
 * edited since the task was written, a tick is no answer to that.
 * @returns names of the fields that were decided.
 */
export function applyAnswers(
  context: SyncContext,
  link: Link,
  { asked }: Question,
  { done, by }: Task,
  ticks: Ticks,
): string[] {
  const home = homeOf(context.config)
  const merge = planContext(context)
  const decided: string[] = []
  for (const map of context.mapping.fields) {
    const field = link.fields[map.name]
    const contest = asked[map.name]
    // What was not asked yet was not answered.
    if (!field?.held || !contest) continue
    const [ticked, another] = ticks.get(map.name) ?? []
    const isPicked = ticked !== undefined && another === undefined
    if (!isPicked && !done) continue
    if (isPicked && !isAsSeen(contest, field.held)) continue
    const side = isPicked ? ticked : home
    // Programs that overwrite each other write on while a person thinks.
    if (isPicked) field.held = { ...field.held, [side]: contest[side] }
    const rule = isPicked ? 'ticked in the task' : 'task set to done'
    resolveField(link, map, { side, rule, ...(by && { by }) }, merge)
    decided.push(map.name)
  }
  return decided
}

function isAsSeen(seen: Asked, now: Asked): boolean {
  if (now.kind === 'loop') return isSameContest(seen, now)
  return SIDES.every(side => JSON.stringify(seen[side].value) === JSON.stringify(now[side].value))
}
