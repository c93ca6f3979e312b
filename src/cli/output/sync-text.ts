import type { ConflictKind, RecordName, SaidValue, SyncReport } from '../../runtime/sync-reports.ts'
import type { View } from './status-text.ts'
import { count, counted, cut, plain } from './text.ts'
import { relative } from './time.ts'

const VALUE_WIDTH = 60
const WAITS: Readonly<Record<ConflictKind, string>> = {
  ask: 'contested',
  loop: 'going back and forth',
  delete: 'deleted on one side',
  ambiguous: 'ambiguous',
  rejected: 'refused',
  missing: 'not found',
  unknown: 'unclear whether created',
  'no-counterpart': 'with a value that has no counterpart',
  'where-failed': 'where `where` fails',
}

export function recordText({ system, object }: RecordName, id?: string): string {
  return plain(id === undefined ? `${system} ${object}` : `${system} ${object} ${id}`)
}

/** A value as one line; nothing is `nothing`. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return cut(plain(JSON.stringify(value)), VALUE_WIDTH)
}

/** `"CTO", by Jane Doe 2h ago` */
export function saidText({ value, at, by }: SaidValue, now: number): string {
  return `${valueText(value)}${by ? `, by ${plain(by)}` : ','} ${relative(at, now)}`
}

/** How a kind of conflict reads after a number. */
export function kindText(kind: string): string {
  return WAITS[kind as ConflictKind] ?? kind
}

/** What the STATE column of a sync says. */
export function syncState({ state, matched, walk }: SyncReport): string {
  if (state !== 'running' || matched) return state
  return walk.left.done && walk.right.done ? 'matching' : 'first walk'
}

/** `left 1,200 of 10,000, right done` */
function walkText({ walk }: SyncReport): string {
  return (['left', 'right'] as const)
    .map(side => {
      const { seen, total, done } = walk[side]
      const far = total === undefined ? count(seen) : `${count(seen)} of ${count(total)}`
      return `${side} ${done ? `done, ${count(seen)}` : far}`
    })
    .join('; ')
}

/** What needs to be known about a sync besides its row. */
export function syncNotes(sync: SyncReport, { now }: Pick<View, 'now'>): string[] {
  const { reason, nextTryAt, matched, guarded, conflicts, lastError, name, unasked, reconciled, failing } = sync
  const waiting = Object.entries(guarded).filter(([, waits]) => waits > 0)
  const kinds = Object.entries(conflicts)
  return [
    ...(reason
      ? [`${reason.code}: ${reason.message}${nextTryAt ? `; next try ${relative(nextTryAt, now)}` : ''}`]
      : []),
    ...(matched ? [] : [`first walk: ${walkText(sync)}`]),
    ...(kinds.length > 0
      ? [
          `waits for a person: ${kinds.map(([kind, times]) => `${count(times)} ${kindText(kind)}`).join(', ')}; to see them:`,
          `twenty-sync conflicts list --sync ${name}`,
        ]
      : []),
    ...askedText(sync),
    ...waiting.flatMap(([kind, waits]) => [
      `${counted(waits, kind.slice(0, -1))} over the limit of the hour; to let pass what waits:`,
      `twenty-sync pass ${name} --${kind} ${waits}`,
    ]),
    ...(reconciled ? [comparisonText(sync, now)] : []),
    ...(reconciled?.report.heldBack ? [`twenty-sync reconcile ${name} --dry-run`] : []),
    ...(failing > 0 ? [`${counted(failing, 'pair')} to try again`] : []),
    ...((failing > 0 || (unasked?.failing ?? 0) > 0) && lastError
      ? [`last error ${relative(lastError.at, now)}: ${lastError.code}: ${lastError.message}`]
      : []),
  ]
}

function askedText({ questions, unasked }: SyncReport): string[] {
  const { waiting = 0, failing = 0, refused = 0 } = unasked ?? {}
  const texts = [
    ...(questions > 0 ? [`asked in Twenty: ${counted(questions, 'task')}`] : []),
    ...(waiting > 0 ? [`${counted(waiting, 'question')} without a task`] : []),
    ...(failing > 0 ? [`${counted(failing, 'task')} to try again`] : []),
    ...(refused > 0 ? [`${counted(refused, 'task')} refused`] : []),
  ]
  return texts.length === 0 ? [] : [texts.join(', ')]
}

function comparisonText({ reconciled, reconcileDueAt }: SyncReport, now: number): string {
  const { at, report } = reconciled!
  const { writes, heldBack, equal } = report
  const wrong = writes.creates + writes.updates + writes.deletes
  const found =
    wrong === 0 ? `${count(equal)} equal, nothing to write` : `${count(equal)} equal, ${counted(wrong, 'write')}`
  const held = heldBack
    ? `; held back: ${count(heldBack.count)} ${heldBack.kind} where ${count(heldBack.limit)} may be`
    : ''
  const next = reconcileDueAt ? `; next ${relative(reconcileDueAt, now)}` : ''
  return `compared ${relative(at, now)}: ${found}${held}${next}`
}
