import type { SideName } from '../../../src/config/config.ts'
import type { Link } from '../../../src/sync/link.ts'
import { judgeField } from './field-oracle.ts'
import { FIELDS, KEY, same, text } from './fields.ts'
import { judgeRows } from './row-oracle.ts'
import type { Change, SimSystem, SystemRecord } from './system.ts'
import { type Outcome, QUIET_MS } from './world.ts'

/** A promise that a run broke. */
export interface Violation {
  readonly rule: string
  readonly message: string
}

const SIDES: readonly SideName[] = ['left', 'right']

function other(side: SideName): SideName {
  return side === 'left' ? 'right' : 'left'
}

/**
 * Judges a run by what truly happened in the two systems. Of the engine it takes only which records it holds for a pair,
 * and what it says waits for a person.
 */
export function judge(outcome: Outcome): Violation[] {
  return [
    ...judgeRest(outcome),
    ...judgeRows(outcome),
    ...judgeRecords(outcome),
    ...judgeDeletions(outcome),
    ...judgeCreations(outcome),
    ...judgeWrites(outcome),
    ...outcome.links.flatMap(link => judgePair(outcome, link)),
  ]
}

/** It comes to rest: nothing fails, nothing is due, nobody calls. */
function judgeRest({ calls, endedAt, failures, idle, unfinished, links }: Outcome): Violation[] {
  const late = calls.filter(({ at }) => at > endedAt - QUIET_MS)
  return [
    ...failures.map(failure => ({ rule: 'stopped', message: String(failure) })),
    ...(late.length > 0 ? [{ rule: 'rest', message: `${late.length} calls in the last hour, ${late[0]!.kind}` }] : []),
    ...(idle ? [] : [{ rule: 'rest', message: 'the runner is not idle' }]),
    ...(unfinished > 0 ? [{ rule: 'rest', message: `${unfinished} events are unfinished` }] : []),
    ...links.filter(({ intent }) => intent).map(({ id }) => ({ rule: 'intent', message: `link ${id} has an intent` })),
  ]
}

/** Every record that is there is known, and in one pair at most; without a counterpart only for a reason. */
function judgeRecords({ systems, links, config }: Outcome): Violation[] {
  return SIDES.flatMap(side =>
    systems[side].alive.flatMap(record => {
      const own = links.filter(link => link[side]?.id === record.id)
      const [link] = own
      const name = `${side} ${record.id}`
      if (!link) return [{ rule: 'unknown record', message: `${name} is in no link` }]
      if (own.length > 1) return [{ rule: 'doubled', message: `${name} is in ${own.length} links` }]
      if (link.ended) {
        if (link.ended.why === 'unlinked') return []
        return [{ rule: 'came back', message: `${name} is there, its link ended as deleted` }]
      }
      if (link[other(side)] || link.hold) return []
      if (!config[other(side)].create) return []
      return [{ rule: 'alone', message: `${name} has no counterpart and nothing says why` }]
    }),
  )
}

function judgeDeletions({ systems, links, config }: Outcome): Violation[] {
  const found: Violation[] = []
  for (const side of SIDES) {
    for (const change of systems[side].changes) {
      if (change.op === 'delete' && change.by) {
        const link = links.find(each => each[side]?.id === change.id)
        const partner = link?.[other(side)]?.id
        const cause = systems[other(side)].changes.some(
          each => each.op === 'delete' && !each.by && each.id === partner && each.at <= change.at,
        )
        if (!cause || config[side].deletes !== 'propagate')
          found.push({ rule: 'deleted without cause', message: `${side} ${change.id} at ${change.at}` })
      }
      if (change.op === 'restore' && change.by) {
        const link = links.find(each => each[side]?.id === change.id)
        const partner = link?.[other(side)]?.id
        const cause = systems[other(side)].changes.some(
          each => each.op === 'restore' && !each.by && each.id === partner && each.at <= change.at,
        )
        if (!cause) found.push({ rule: 'came back', message: `${side} ${change.id} was restored without cause` })
      }
    }
  }
  for (const link of links) {
    if (link.ended || link.hold || !link.left || !link.right) continue
    const gone = SIDES.filter(side => !isAlive(systems[side], link[side]!.id))
    if (gone.length > 0)
      found.push({
        rule: 'deletion open',
        message: `${gone.join(' and ')} of ${pairName(link)} is gone, nothing follows`,
      })
  }
  return found
}

function isAlive(system: SimSystem, id: string): boolean {
  return system.records.get(id)?.deleted === false
}

/** A record that we made is the only counterpart of the one that it was made for, and that had none before. */
function judgeCreations(outcome: Outcome): Violation[] {
  const { systems, links, config } = outcome
  const found: Violation[] = []
  for (const side of SIDES) {
    const made = systems[side].changes.filter(change => change.op === 'create' && change.by)
    for (const create of made) {
      const name = `${side} ${create.id}`
      if (!config[side].create) found.push({ rule: 'created without cause', message: `${name}: the config forbids it` })
      const link = links.find(each => each[side]?.id === create.id)
      const source = link?.[other(side)]?.id
      const isThere = isAlive(systems[side], create.id)
      if (!source) {
        if (isThere && !isExcusedDouble(outcome, side, create)) {
          found.push({ rule: 'doubled', message: `${name} was made by us at ${create.at} and belongs to no record` })
        }
        continue
      }
      const earlier = made.find(
        each =>
          each.id !== create.id &&
          each.seq < create.seq &&
          wasFor(each, systems[other(side)], source) &&
          !links.some(
            other => other[side]?.id === each.id && other.id !== link.id && other[side === 'left' ? 'right' : 'left'],
          ),
      )
      if (earlier && !isExcusedDouble(outcome, side, earlier))
        found.push({ rule: 'doubled', message: `${name} was made for ${source}, for which there was ${earlier.id}` })
    }
  }
  return found
}

/** Its key was the source's alone when it was made. */
function wasFor(create: Change, system: SimSystem, source: string): boolean {
  const key = text(create.after[KEY.name]).trim().toLowerCase()
  if (create.after[KEY.name] === null) return false
  const holders = new Set(
    system.changes
      .filter(change => change.at <= create.at && text(change.after[KEY.name]).trim().toLowerCase() === key)
      .map(({ id }) => id),
  )
  return holders.size === 1 && holders.has(source)
}

/**
 * Where the side chooses the ids, the answer of a create was lost, and somebody changed or removed the key of the new
 * record before it could be looked for, nobody can tell that it is ours.
 */
function isExcusedDouble({ systems }: Outcome, side: SideName, create: Change): boolean {
  const system = systems[side]
  if (system.traits.choosesId || create.answeredAt !== undefined) return false
  if (create.after[KEY.name] === null) return true
  return system.changes.some(
    change =>
      change.id === create.id &&
      change.seq > create.seq &&
      (change.op === 'delete' || !same(change.after[KEY.name], create.after[KEY.name])),
  )
}

/** Writes are bounded by what people did and by what failed. */
function judgeWrites({ systems, calls }: Outcome): Violation[] {
  const all = SIDES.flatMap(side => systems[side].changes)
  const theirs = all.filter(change => !change.by).length
  const ours = all.length - theirs
  const limit = 4 + theirs * 3
  const attempts = calls.filter(({ kind }) => kind === 'write').length
  return [
    ...(ours > limit ? [{ rule: 'writes', message: `${ours} writes of ours for ${theirs} changes of theirs` }] : []),
    ...(attempts > 30 + theirs * 10 ? [{ rule: 'writes', message: `${attempts} attempts to write` }] : []),
  ]
}

function judgePair(outcome: Outcome, link: Link): Violation[] {
  if (link.ended || link.hold || !link.left || !link.right) return []
  const left = alive(outcome.systems.left, link.left.id)
  const right = alive(outcome.systems.right, link.right.id)
  if (!left || !right) return []
  return FIELDS.flatMap(field => {
    const held = link.fields[field.name]?.held
    const problem = judgeField(outcome, { left, right }, field, held?.kind)
    return problem ? [{ rule: problem.rule, message: `${field.name} of ${pairName(link)}: ${problem.message}` }] : []
  })
}

function alive(system: SimSystem, id: string): SystemRecord | undefined {
  const record = system.records.get(id)
  return record && !record.deleted ? record : undefined
}

function pairName(link: Link): string {
  return `${link.left?.id ?? '-'} = ${link.right?.id ?? '-'}`
}
