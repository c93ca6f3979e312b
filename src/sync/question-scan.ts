import type { Conflict } from './conflict.ts'
import type { LinkStore } from './link-store.ts'
import { type Question, takesPlace } from './question.ts'

/** Every question of a sync, as the state has them. */
export interface ScannedQuestions {
  /** Links whose task takes a place. */
  readonly open: readonly string[]
  /** Links that want a task and have none, with the time since when. */
  readonly waiting: ReadonlyMap<string, number>
}

export async function scanQuestions(store: LinkStore): Promise<ScannedQuestions> {
  const questions = new Map<string, Question>()
  for await (const [id, question] of store.questions()) questions.set(id, question)
  const waiting = new Map<string, number>()
  for await (const conflict of store.conflicts()) {
    const { link, since } = conflict
    const question = questions.get(link)
    if (!takesPlace(question) && isAsking(conflict) && !isKnown(question, conflict)) waiting.set(link, since)
  }
  return { open: [...questions].flatMap(([id, question]) => (takesPlace(question) ? [id] : [])), waiting }
}

/** Held fields of a pair that lives; a hold of the pair as a whole is not asked in tasks. */
function isAsking({ kind, fields }: Conflict): boolean {
  return fields !== undefined && (kind === 'ask' || kind === 'loop' || kind === 'rejected')
}

/** Asked before, and dismissed by a person. */
function isKnown(question: Question | undefined, { fields }: Conflict): boolean {
  return question?.phase === 'dismissed' && fields!.every(name => question.open.includes(name))
}
