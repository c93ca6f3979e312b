import { type Link, SIDES } from './link.ts'

export const CONFLICT_KINDS = [
  'ask',
  'loop',
  'delete',
  'ambiguous',
  'rejected',
  'missing',
  'unknown',
  'no-counterpart',
  'where-failed',
] as const

/** What waits for a person about a link, in short: what `conflicts list` shows. */
export interface Conflict {
  readonly link: string
  readonly kind: (typeof CONFLICT_KINDS)[number]
  readonly left?: string
  readonly right?: string
  readonly fields?: readonly string[]
  readonly since: number
  readonly message?: string
  /** Its open task in Twenty. */
  readonly task?: string
}

export function conflictOf(link: Link): Conflict | undefined {
  if (link.ended) return undefined
  const ids = {
    link: link.id,
    ...(link.left && { left: link.left.id }),
    ...(link.right && { right: link.right.id }),
    ...(link.task && { task: link.task.id }),
  }
  const held = Object.entries(link.fields).filter(([, field]) => field.held)
  const [first] = held
  if (link.hold) return { ...ids, ...holdOf(link.hold), ...(first && { fields: held.map(([name]) => name) }) }
  if (first) {
    const kind = held.some(([, field]) => field.held!.kind === 'loop') ? 'loop' : 'ask'
    const since = Math.min(...held.map(([, field]) => field.held!.since))
    return { ...ids, kind, fields: held.map(([name]) => name), since }
  }
  const unjudged = SIDES.find(side => link[side]?.problem !== undefined)
  if (unjudged) {
    const { problem, confirmedAt } = link[unjudged]!
    return { ...ids, kind: 'where-failed', since: confirmedAt, ...(problem !== undefined && { message: problem }) }
  }
  const broken = Object.entries(link.fields).filter(([, { left, right }]) => left.problem ?? right.problem)
  if (broken.length === 0) return undefined
  const [, field] = broken[0]!
  const message = field.left.problem ?? field.right.problem
  return {
    ...ids,
    kind: 'no-counterpart',
    fields: broken.map(([name]) => name),
    since: Math.max(link.left?.confirmedAt ?? 0, link.right?.confirmedAt ?? 0),
    ...(message && { message }),
  }
}

function holdOf(hold: NonNullable<Link['hold']>): Pick<Conflict, 'kind' | 'since' | 'message'> {
  const { kind, since } = hold
  if (kind === 'rejected') return { kind, since, message: `${hold.side}: ${hold.code}: ${hold.message}` }
  if (kind === 'ambiguous') return { kind, since, message: `several records have the key ${hold.key}` }
  if (kind === 'delete') return { kind, since, message: `deleted on the ${hold.side} side; ${hold.reason}` }
  if (kind === 'missing') return { kind, since, message: `the ${hold.side} side does not find its record` }
  return { kind, since, message: `whether the record was created on the ${hold.side} side cannot be known` }
}
