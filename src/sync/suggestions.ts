import type { SyncConfig } from '../config/config.ts'
import type { Link } from './link.ts'

/** A command line that a person can copy, and what it does. */
export interface Suggestion {
  readonly command: string
  readonly does: string
}

/** Ids are long; a beginning of so many letters is all but surely unique. */
const SHORT = 8

export function shortLinkId(id: string): string {
  return id.slice(0, SHORT)
}

/** What a person can decide about a link, as exact commands. Empty where nothing waits. */
export function suggestionsFor({ config, link }: { config: SyncConfig; link: Link }): Suggestion[] {
  const say = (decision: string, does: string) => ({
    command: `twenty-sync conflicts resolve ${shortLinkId(link.id)} ${decision}`,
    does,
  })
  if (link.ended?.why === 'unlinked') return [say('--relink', 'keeps the two in step again')]
  if (link.ended) return []
  const { hold } = link
  const { left, right } = config
  if (hold?.kind === 'delete') {
    const gone = config[hold.side]
    const rest = config[hold.side === 'left' ? 'right' : 'left']
    return [
      say('--delete', `deletes the ${rest.object} in ${rest.system} too`),
      say('--recreate', `brings the ${gone.object} in ${gone.system} back`),
      say('--unlink', 'leaves both as they are, and keeps them in step no more'),
    ]
  }
  if (hold?.kind === 'ambiguous') {
    return [
      say('--pair <id of the record>', 'makes that record of the other side its counterpart'),
      say('--apart', 'says that none of them is: it stays alone or gets a new one'),
    ]
  }
  if (hold?.kind === 'rejected') {
    const { system } = config[hold.side]
    return [
      say('--retry', `tries the write to ${system} again; a new edit on either side does so as well`),
      ...(link.left && link.right ? [say('--unlink', 'keeps the two in step no more')] : []),
    ]
  }
  if (hold?.kind === 'missing') {
    const { system } = config[hold.side]
    return [
      say('--retry', `looks for it in ${system} again`),
      say('--recreate', `creates it in ${system} again, with a new id`),
      say('--unlink', 'keeps the two in step no more'),
    ]
  }
  if (hold) {
    const { system, object } = config[hold.side]
    return [
      say('--pair <id of the record>', `says that it was created: this is the ${object} in ${system}`),
      say('--retry', `creates it, when you have seen that ${system} does not have it`),
    ]
  }
  const held = Object.keys(link.fields).filter(name => link.fields[name]!.held)
  if (held.length === 0) return []
  const names = left.system === right.system ? ['left', 'right'] : [left.system, right.system]
  return [
    ...names.map(name => say(`--take ${name}`, `${name} stands in ${listed(held)}`)),
    ...(held.length > 1 ? [say(`--take ${names[0]} --field ${held[0]}`, `only in ${held[0]}`)] : []),
  ]
}

function listed(names: readonly string[]): string {
  return names.length <= 2 ? names.join(' and ') : `all ${names.length} contested fields`
}
