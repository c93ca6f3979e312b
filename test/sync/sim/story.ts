import { FIELDS, same, text } from './fields.ts'
import type { Schedule } from './schedule.ts'
import type { Change } from './system.ts'
import { type Outcome, simulate } from './world.ts'

/** What happened in a run, for somebody who looks for the cause of a failure. */
export async function tellStory(schedule: Schedule): Promise<string> {
  const outcome = await simulate(schedule)
  const { entries, initial, fields, ...rest } = schedule
  return [
    JSON.stringify(rest),
    ...fields.map(({ name, direction, policy, tie }) =>
      [
        name,
        direction,
        ...Object.values(policy),
        ...(policy.kind === 'latest' ? ['tie', ...Object.values(tie)] : []),
      ].join(' '),
    ),
    ...lines(outcome),
    ...outcome.links.map(link => describe(link)),
  ].join('\n')
}

function lines({ systems, schedule, startedAt, calls }: Outcome): string[] {
  const told = [...systems.left.changes, ...systems.right.changes].map(change => ({
    at: change.at,
    seq: change.seq,
    line: `${change.side} ${change.id} ${change.by ?? 'person'} ${change.op}${change.hard ? ' hard' : ''} ${changed(change)} v ${change.version.slice(11)} told ${since(change.toldAt, startedAt)} answered ${since(change.answeredAt, startedAt)}`,
  }))
  const ends = schedule.entries
    .filter(({ kind }) => ['crash', 'stop', 'pause'].includes(kind))
    .map(entry => ({ at: startedAt + entry.at, seq: 0, line: JSON.stringify(entry) }))
  const last = Math.max(...told.map(({ at }) => at), startedAt)
  const asked = calls
    .filter(({ at }) => at <= last + 600_000)
    .map(({ at, side, kind }) => ({ at, seq: 0, line: `    ${side} ${kind}` }))
  return [...told, ...ends, ...asked]
    .sort((a, b) => a.at - b.at || a.seq - b.seq)
    .map(({ at, line }) => `${String(at - startedAt).padStart(8)} ${line}`)
}

function changed({ before, after, fields }: Change): string {
  return FIELDS.filter(({ name }) => fields.includes(name) && (before || after[name] !== null))
    .map(({ name }) => `${name}=${text(after[name])}${before && same(before[name], after[name]) ? ' (same)' : ''}`)
    .join(' ')
}

function since(at: number | undefined, startedAt: number): string {
  return at === undefined ? '-' : String(at - startedAt)
}

/** Only what is not at rest as one would expect. */
function describe({ fields, left, right, ...link }: Outcome['links'][number]): string {
  const strip = (side: typeof left) => side && { ...side, native: undefined, wrote: side.wrote.length }
  const open = Object.entries(fields).map(([name, field]) => {
    const { agreed, held, left: one, right: two } = field
    return `    ${name}: agreed ${JSON.stringify(agreed)} left ${JSON.stringify(one)} right ${JSON.stringify(two)} held ${JSON.stringify(held)}`
  })
  return [JSON.stringify({ ...link, left: strip(left), right: strip(right) }), ...open].join('\n')
}
