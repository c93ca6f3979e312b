import type { SideName } from '../config/config.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import { conflictOf } from '../sync/conflict.ts'
import { planContext } from '../sync/context.ts'
import { guardedKinds } from '../sync/guard.ts'
import { isAlive, type Link, other, SIDES } from '../sync/link.ts'
import { settle } from '../sync/plan.ts'
import { shortLinkId } from '../sync/suggestions.ts'
import { compareVersions } from '../sync/version.ts'
import type { Finding, RecordQuery } from './sync-reports.ts'
import { type OpenSync, waitingAtGuard } from './sync-status.ts'

interface Use {
  readonly sync: OpenSync
  readonly side: SideName
  readonly link: Link | undefined
}

type Said = Omit<Finding, 'sync'>

const STATUS = 'twenty-sync status'

/** Why a record is not, or not yet, the same on both sides: the first reason that holds. */
export async function whyNotInStep(use: Use, newest: LoggedEvent | undefined, query: RecordQuery): Promise<Finding> {
  const { sync, link } = use
  await sync.progress.load()
  const said = link ? await ofLink(use, link, newest) : unknown(use, newest, query)
  return { sync: sync.name, ...said }
}

function unknown({ sync }: Use, newest: LoggedEvent | undefined, { system, id }: RecordQuery): Said {
  const { name, context } = sync
  if (context.matchedAt() === undefined) {
    return { verdict: 'waiting', says: 'the first walk of both sides has not come to it yet', next: STATUS }
  }
  const stopped = notRunning(sync)
  if (newest) return stopped ?? { verdict: 'waiting', says: 'its event is not taken in yet', next: STATUS }
  const next = `twenty-sync reconcile ${name} --dry-run`
  return {
    verdict: 'never arrived',
    says: `the sync never saw ${id}, neither in a walk nor by an event of ${system}`,
    next,
  }
}

function notRunning({ name, supervisor }: OpenSync): Said | undefined {
  if (!supervisor) return { verdict: 'not running', says: 'no daemon runs', next: 'twenty-sync run' }
  const { state, reason } = supervisor.status
  if (state === 'running') return undefined
  const next = state === 'waiting' ? STATUS : `twenty-sync resume ${name}`
  return { verdict: 'not running', says: `the sync is ${state}${reason ? `: ${reason.message}` : ''}`, next }
}

async function ofLink({ sync, side }: Use, link: Link, newest: LoggedEvent | undefined): Promise<Said> {
  const { config } = sync.compiled
  const target = config[other(side)]
  const show = `twenty-sync conflicts show ${shortLinkId(link.id)}`
  if (link.ended?.why === 'unlinked') {
    const next = `twenty-sync conflicts resolve ${shortLinkId(link.id)} --relink`
    return { verdict: 'unlinked', says: `it is kept in step no more since ${day(link.ended.at)}`, next }
  }
  if (link.ended)
    return {
      verdict: 'deleted',
      says: `it was deleted on ${day(link.ended.at)}, and what comes late brings nothing back`,
    }
  for (const each of SIDES) {
    if (link[each]?.takesPart !== false) continue
    const { system, where } = config[each]
    return {
      verdict: 'filtered',
      says: link[each].problem ?? `\`where\` of ${system} leaves it out: ${where}`,
      next: 'change the record, or `where` in the config',
    }
  }
  const conflict = conflictOf(link)
  if (conflict) {
    const isField = conflict.kind === 'ask' || conflict.kind === 'loop' || conflict.kind === 'no-counterpart'
    const fields = conflict.fields ? `: ${conflict.fields.join(', ')}` : ''
    return {
      verdict: isField ? 'conflict' : 'held',
      says: conflict.message ?? `a person has to decide${fields}`,
      next: show,
    }
  }
  if (await sync.store.isDue(link.id)) return due(sync, link)
  if (!link[other(side)] && isAlive(link[side])) return alone(sync, link, side)
  const said = newest && eventSays(link, side, newest)
  if (said) return said
  return {
    verdict: 'in step',
    says: `both sides have what was agreed; ${target.system} ${target.object} ${link[other(side)]?.id}`,
  }
}

/** What is to be written, and what it waits for. */
function due(sync: OpenSync, link: Link): Said {
  const { context, compiled, supervisor, name } = sync
  const stopped = notRunning(sync)
  if (stopped) return stopped
  const { failing = 0, lastError } = supervisor!.runner.status
  const writes = settle(structuredClone(link), context.mapping, compiled.config, planContext(context))
  const guarded = waitingAtGuard(sync)
  const kind = guardedKinds(writes).find(each => guarded[each] > 0)
  if (kind) {
    const says = `the limit of ${compiled.config.guard[kind]} ${kind} an hour is used up; ${guarded[kind]} wait`
    return { verdict: 'guard', says, next: `twenty-sync pass ${name} --${kind} ${guarded[kind]}` }
  }
  if (failing > 0 && lastError) {
    return {
      verdict: 'failing',
      says: `writes fail and are tried again: ${lastError.code} ${lastError.message}`,
      next: STATUS,
    }
  }
  return { verdict: 'waiting', says: 'it is about to be written', next: STATUS }
}

function alone({ context, compiled, name }: OpenSync, link: Link, side: SideName): Said {
  const target = compiled.config[other(side)]
  if (context.matchedAt() === undefined) {
    return {
      verdict: 'waiting',
      says: 'the first walk of both sides is not over: nobody knows yet whether it has a counterpart',
      next: STATUS,
    }
  }
  if (!target.create) {
    const says = `it has no counterpart, and \`create: false\` makes none in ${target.system}`
    return { verdict: 'no counterpart', says, next: `create it in ${target.system}, or change the config` }
  }
  const next = `twenty-sync reconcile ${name} --dry-run`
  return {
    verdict: 'no counterpart',
    says: `it has no counterpart in ${target.system} yet${link.apart ? '; a person said that it stands apart' : ''}`,
    next,
  }
}

/** Why the newest event changed nothing. */
function eventSays(link: Link, side: SideName, { event }: LoggedEvent): Said | undefined {
  const seen = link[side]
  if (!seen) return undefined
  const own = seen.wrote.find(({ version }) => compareVersions(version, event.time) === 0)
  if (own) {
    const fields = Object.keys(own.replaced)
    const what = fields.length > 0 ? ` of ${fields.join(', ')}` : ''
    return {
      verdict: 'echo',
      says: `its newest event, ${event.id}, is the echo of our own write${what}; both sides are in step`,
    }
  }
  if (compareVersions(event.time, seen.version) < 0) {
    return {
      verdict: 'stale',
      says: `its newest event is of ${event.time}; the sync had seen ${seen.version} by then, which both sides have`,
    }
  }
  return undefined
}

function day(ms: number): string {
  return new Date(ms).toISOString()
}
