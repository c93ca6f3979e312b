import { isAlive, type Link, other, SIDES } from './link.ts'

export const LINK_STATES = [
  'in step',
  'to be written',
  'being written',
  'waits for a person',
  'alone',
  'left out',
  'deleted',
  'unlinked',
] as const

export type LinkState = (typeof LINK_STATES)[number]

/** How a pair stands, in a word. */
export function stateOf(link: Link, isDue: boolean): LinkState {
  if (link.ended) return link.ended.why
  if (link.intent) return 'being written'
  const waits = link.hold !== undefined || Object.values(link.fields).some(({ held }) => held)
  if (waits) return 'waits for a person'
  if (SIDES.some(side => link[side]?.takesPart === false)) return 'left out'
  if (isDue) return 'to be written'
  const lone = SIDES.find(side => isAlive(link[side]) && !link[other(side)])
  return lone ? 'alone' : 'in step'
}
