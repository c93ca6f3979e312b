import { randomUUID } from 'node:crypto'
import { type ApiOptions, refusal, type SandboxApi, startSandboxApi } from '../http/api.ts'

export interface Scored {
  readonly id: string
  readonly email: string
  readonly score: number
  readonly grade: 'A' | 'B' | 'C'
  readonly reasons: readonly string[]
  readonly model: string
}

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By address: answers in place of what the model says. */
  readonly scores: Map<string, number>
  /** By id: what was answered. */
  readonly answers: Map<string, Scored>
}

export type SandboxScoring = SandboxApi<Stores, object>

/**
 * A typical scoring API behind a bearer token:
 * - `GET /v1/model`: which model answers
 * - `POST /v1/scores` with `{ email, jobTitle?, employees?, industry?, visits? }`: `{ id, email, score, grade, reasons, model }`
 *   with a score of 0 to 100, or 422 `invalid_email`
 *
 * Asking twice does no harm.
 */
export function startSandboxScoring(options: ApiOptions<object> = {}): Promise<SandboxScoring> {
  return startSandboxApi<Stores, object>(
    {
      switches: {},
      stores: () => ({ scores: new Map(), answers: new Map() }),
      routes: ({ scores, answers }) => ({
        'GET /v1/model': () => ({ body: { model: MODEL } }),
        'POST /v1/scores': ({ body }) => {
          const email = String(body.email ?? '').toLowerCase()
          if (!email.includes('@')) return refusal(422, 'invalid_email', 'Give `email`.')
          const { points, reasons } = judged(body)
          const score = scores.get(email) ?? points
          const grade = score >= 80 ? 'A' : score >= 50 ? 'B' : 'C'
          const answer: Scored = { id: randomUUID(), email, score, grade, reasons, model: MODEL }
          answers.set(answer.id, answer)
          return { body: answer }
        },
      }),
    },
    options,
  )
}

const MODEL = 'sandbox-2026-11'

function judged(body: Readonly<Record<string, unknown>>): { points: number; reasons: string[] } {
  const found: [boolean, number, string][] = [
    [/chief|head|director|vp|founder/i.test(String(body.jobTitle ?? '')), 40, 'decides'],
    [Number(body.employees ?? 0) >= 200, 30, 'large company'],
    [Number(body.visits ?? 0) >= 10, 25, 'visits often'],
  ]
  const given = found.filter(([holds]) => holds)
  return { points: given.reduce((sum, [, points]) => sum + points, 5), reasons: given.map(([, , reason]) => reason) }
}
