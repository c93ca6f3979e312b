import type { SideName, SyncConfig, SyncPolicy } from '../config/config.ts'
import { type Conflict, conflictOf } from '../sync/conflict.ts'
import type { SyncContext } from '../sync/context.ts'
import { type Candidate, type Field, type Held, type Link, SIDES, type Side, type Why } from '../sync/link.ts'
import { stateOf } from '../sync/link-state.ts'
import type { FieldMap } from '../sync/mapping.ts'
import { suggestionsFor } from '../sync/suggestions.ts'
import type { FieldReport, LinkReport, RecordName, SaidValue, SideReport } from './sync-reports.ts'

export interface LinkFacts {
  readonly isDue: boolean
  /** Links that share its key, where it is ambiguous. */
  readonly sameKey: readonly Link[]
  readonly taskUrl: (task: string) => string | undefined
  /** `topic/partition/offset` of an event; undefined where the log does not have it, or was not asked. */
  readonly place: (event: string) => string | undefined
}

/** Everything about a pair of records, in the words of its config. */
export function linkReport({ config, mapping }: SyncContext, link: Link, facts: LinkFacts): LinkReport {
  const found = conflictOf(link)
  const conflict = found && namedConflict(found, config)
  const taskUrl = conflict?.task && facts.taskUrl(conflict.task)
  const known = mapping.fields.filter(map => link.fields[map.name])
  return {
    sync: config.name,
    id: link.id,
    state: stateOf(link, facts.isDue),
    ...(link.left && { left: sideReport(config, 'left', link.left) }),
    ...(link.right && { right: sideReport(config, 'right', link.right) }),
    leftName: nameOf(config, 'left'),
    rightName: nameOf(config, 'right'),
    fields: known.map(map => fieldReport(map, link.fields[map.name]!, facts)),
    ...(conflict && { conflict }),
    ...(taskUrl && { taskUrl }),
    ...(facts.sameKey.length > 0 && { sameKey: facts.sameKey.flatMap(each => aloneOf(config, each)) }),
    ...(link.intent && {
      intent: {
        writes: SIDES.flatMap(side =>
          link.intent![side] ? [`${link.intent![side].op} in ${config[side].system}`] : [],
        ),
        until: iso(link.intent.until),
      },
    }),
    ...(link.ended && { endedAt: iso(link.ended.at) }),
    ...(link.apart && { apart: true as const }),
    suggestions: suggestionsFor({ config, link }),
  }
}

export function nameOf(config: SyncConfig, side: SideName): RecordName {
  const { system, object } = config[side]
  return { system, object }
}

/** The same with the names of systems in its message in place of the sides'. */
export function namedConflict<C extends Conflict>(conflict: C, { left, right }: SyncConfig): C {
  const { message } = conflict
  if (message === undefined || left.system === right.system) return conflict
  const named = message
    .replaceAll(/\bthe (left|right) side\b/g, (_, side) => (side === 'left' ? left.system : right.system))
    .replace(/^(left|right):/, (_, side) => `${side === 'left' ? left.system : right.system}:`)
  return { ...conflict, message: named }
}

/** As in the config: `latest, tie: prefer left`. */
export function policyText({ policy, tie, direction }: FieldMap['config']): string {
  if (direction !== 'both') return direction
  return policy.kind === 'latest' && tie.kind !== 'ask' ? `latest, tie: ${ruleOf(tie)}` : ruleOf(policy)
}

function ruleOf(policy: SyncPolicy): string {
  return 'side' in policy ? `${policy.kind} ${policy.side}` : policy.kind
}

function sideReport(config: SyncConfig, side: SideName, seen: Side): SideReport {
  return {
    ...nameOf(config, side),
    id: seen.id,
    version: seen.version,
    ...(seen.confirmedAt > 0 && { confirmedAt: iso(seen.confirmedAt) }),
    ...(seen.deleted && { deletedAt: iso(seen.deleted.at) }),
    ...(seen.missing && { missing: true as const }),
    takesPart: seen.takesPart,
    native: seen.native,
  }
}

function fieldReport(map: FieldMap, field: Field, { place }: LinkFacts): FieldReport {
  const { agreed, held, why } = field
  const problem = field.left.problem ?? field.right.problem
  const shown = (side: SideName) => ({
    path: map.config[side],
    ...(field[side].shown !== undefined && { shown: field[side].shown }),
  })
  return {
    name: map.name,
    left: shown('left'),
    right: shown('right'),
    direction: map.config.direction,
    policy: policyText(map.config),
    ...(agreed && { agreed: { ...said(agreed), from: agreed.from } }),
    ...(held && {
      held: {
        kind: held.kind,
        since: iso(held.since),
        left: said(held.left),
        right: said(held.right),
        ...(held.before && { before: beforeReport(held.before) }),
      },
    }),
    ...(why && { why: whyReport(why, place) }),
    ...(problem && { problem }),
  }
}

function whyReport(why: Why, place: LinkFacts['place']): NonNullable<FieldReport['why']> {
  const at = why.event && place(why.event)
  return {
    rule: why.rule,
    from: why.from,
    at: iso(why.at),
    decidedAt: iso(why.decidedAt),
    ...(why.by && { by: why.by }),
    ...(why.event && { event: why.event }),
    ...(at && { place: at }),
    ...(why.lost && { lost: { ...said(why.lost), side: why.lost.side } }),
  }
}

function said({ value, at, by }: Candidate): SaidValue {
  return { value, at: iso(at), ...(by && { by }) }
}

function beforeReport({ value, at, by }: NonNullable<Held['before']>) {
  return at === undefined ? { value } : said({ value, at, ...(by && { by }) })
}

function aloneOf(config: SyncConfig, link: Link) {
  return SIDES.flatMap(side => {
    const seen = link[side]
    return seen ? [{ ...nameOf(config, side), id: seen.id, native: seen.native }] : []
  })
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}
