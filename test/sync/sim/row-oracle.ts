import type { SideName } from '../../../src/config/config.ts'
import type { Link } from '../../../src/sync/link.ts'
import type { Violation } from './oracle.ts'
import type { Outcome } from './world.ts'

const TAG = '{sync/sim}:'
const SIDES: readonly SideName[] = ['left', 'right']

/** The rows agree with each other: what finds a link finds it, and nothing is left over. */
export function judgeRows({ links, state, systems }: Outcome): Violation[] {
  const found: string[] = []
  const byId = new Map(links.map(link => [link.id, link]))
  for (const link of links) found.push(...judgeLink(link, state))
  for (const [key, value] of state) {
    const [family = '', ...rest] = key.slice(TAG.length).split(':')
    const name = rest.join(':')
    if (family === 'due') found.push(`${name} is still due`)
    if (family === 'creating') found.push(`creates are still open: ${JSON.stringify(value)}`)
    if (family === 'left' || family === 'right') {
      // An id that was proposed for a create stays reserved: the call may yet arrive.
      if (systems[family].records.has(name) && byId.get(value as string)?.[family]?.id !== name)
        found.push(`${family} ${name} leads to a link without it`)
    }
    if (family === 'key') found.push(...judgeHolders(name, value as Record<SideName, string[]>, byId))
    if (family === 'conflict' && !isWaiting(byId.get(name))) found.push(`${name} is in conflicts and waits for nobody`)
    if (family === 'times' && !byId.has(name)) found.push(`times of no link ${name}`)
  }
  return found.map(message => ({ rule: 'rows', message }))
}

function judgeLink(link: Link, state: ReadonlyMap<string, unknown>): string[] {
  const found: string[] = []
  for (const side of SIDES) {
    const own = link[side]
    if (!own) continue
    if (state.get(`${TAG}${side}:${own.id}`) !== link.id) found.push(`${side} ${own.id} does not lead to its link`)
    if (link.ended) continue
    for (const key of own.keys) {
      const holders = state.get(`${TAG}key:${key}`) as Record<SideName, string[]> | undefined
      if (!holders?.[side].includes(link.id)) found.push(`key ${key} does not lead to ${link.id}`)
    }
  }
  if (isWaiting(link) && !state.has(`${TAG}conflict:${link.id}`)) found.push(`${link.id} waits and is not in conflicts`)
  return found
}

function judgeHolders(key: string, holders: Record<SideName, string[]>, byId: ReadonlyMap<string, Link>): string[] {
  return SIDES.flatMap(side =>
    holders[side]
      .filter(id => {
        const link = byId.get(id)
        return !link || link.ended || !link[side]?.keys.includes(key)
      })
      .map(id => `key ${key} leads to ${id}, which does not hold it`),
  )
}

function isWaiting(link: Link | undefined): boolean {
  if (!link || link.ended) return false
  return link.hold !== undefined || Object.values(link.fields).some(({ held }) => held !== undefined)
}
