import type { TwentySchema } from '../../clients/twenty/schema.ts'
import { nearest } from '../../nearest.ts'
import type { SourceUse } from '../connector.ts'
import { ACTIONS } from './events.ts'

/** A flow that reads what never comes stands still without a word; so that is a mistake of the config. */
export function verifySource({ object, action, problem }: SourceUse, system: string, schema: TwentySchema): void {
  const suggest = (...parts: (string | undefined)[]) => [system, ...parts].filter(Boolean).join('.')
  if (!schema.objects.has(object)) {
    const meant = schema.suggestion(object)
    problem(`Twenty has no object "${object}"`, meant && suggest(meant, action))
    return
  }
  if (!action || ACTIONS.some(known => known === action)) return
  const meant = nearest(action, ACTIONS)
  problem(`records of Twenty are ${ACTIONS.join(', ')}, and never "${action}"`, suggest(object, meant))
}
