/** Who makes a change; decides createdBy, updatedBy and the user keys of webhooks. */
export type Caller =
  | { readonly kind: 'apiKey'; readonly id: string; readonly name: string }
  | { readonly kind: 'user'; readonly userId: string; readonly workspaceMemberId: string; readonly name: string }
  | { readonly kind: 'system' }

export interface Actor {
  readonly source: string
  readonly workspaceMemberId: string | null
  readonly name: string
  readonly context: Readonly<Record<string, unknown>>
}

export const ACTOR_SOURCES = [
  'EMAIL',
  'CALENDAR',
  'WORKFLOW',
  'AGENT',
  'API',
  'IMPORT',
  'MANUAL',
  'SYSTEM',
  'WEBHOOK',
  'APPLICATION',
]

export function actorOf(caller: Caller): Actor {
  if (caller.kind === 'apiKey') return { source: 'API', workspaceMemberId: null, name: caller.name, context: {} }
  if (caller.kind === 'user')
    return { source: 'MANUAL', workspaceMemberId: caller.workspaceMemberId, name: caller.name, context: {} }
  return { source: 'MANUAL', workspaceMemberId: null, name: 'System', context: {} }
}
