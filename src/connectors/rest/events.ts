import { isoOf } from '../../clients/rest/times.ts'
import type { ChangeEvent, Fields } from '../../event.ts'
import { derivedId } from '../../identity.ts'

export type Action = 'created' | 'updated' | 'deleted' | 'restored' | 'destroyed'

export interface EventParts {
  /** Name of the system, which is that of the connector. */
  readonly system: string
  readonly object: string
  readonly action: Action
  readonly id: string
  /** By the API's clock; by ours where its records have no time. */
  readonly timeMs: number
  /** What tells this change from others of the record, the same whichever way it came. */
  readonly identity: readonly string[]
  readonly data: Fields
  readonly changed?: readonly string[]
  /** `via`: a webhook or a poll; `incomplete`: names the record and no more; `actor`: who did it. */
  readonly extensions: Readonly<Record<string, string>>
}

export function eventOf(parts: EventParts): ChangeEvent {
  const { system, object, action, id, timeMs, identity, data, changed, extensions } = parts
  return {
    id: derivedId('rest', system, object, id, ...identity),
    type: `${object}.${action}`,
    source: `/${system}`,
    subject: `${object}/${id}`,
    time: isoOf(timeMs),
    key: id,
    ...(changed && { changed }),
    extensions,
    data,
  }
}

/**
 * Of a state: the same content at the same time is the same change. `before`: what the record said earlier at that very
 * time, so that one which goes back to it within a coarse time is another change.
 */
export function stateIdentity(state: {
  readonly deleted: boolean
  readonly t: number
  readonly hash: string
  readonly before?: string
}): string[] {
  const { deleted, t, hash, before } = state
  return [deleted ? 'deleted' : 'present', String(t), hash, ...(before === undefined ? [] : [before])]
}
