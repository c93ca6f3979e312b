import { randomUUID } from 'node:crypto'
import { type ApiOptions, refusal, type SandboxApi, startSandboxApi } from '../http/api.ts'

export interface Enrolment {
  readonly id: string
  readonly sequence: string
  readonly email: string
  readonly status: 'active' | 'finished' | 'stopped'
  readonly enrolledAt: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By id. */
  readonly sequences: Map<string, { readonly id: string; readonly name: string }>
  /** By id. */
  readonly enrolments: Map<string, Enrolment>
}

export type SandboxSequences = SandboxApi<Stores, object>

/**
 * A typical email-automation API behind a bearer token:
 * - `GET /v1/sequences`: `{ data }`
 * - `POST /v1/sequences/{sequence}/enrolments` with `{ email, fields? }`: 201 with the enrolment; keeps `Idempotency-Key`;
 *   409 `already_enrolled` with the `enrolment` of whoever is active in any sequence, 404 for an unknown sequence, 422 for
 *   what is no address
 * - `GET /v1/enrolments?email=`: `{ data }`
 */
export function startSandboxSequences(options: ApiOptions<object> = {}): Promise<SandboxSequences> {
  const now = options.now ?? Date.now
  return startSandboxApi<Stores, object>(
    {
      switches: {},
      stores: () => ({
        sequences: new Map(['executives', 'practitioners', 'newcomers'].map(id => [id, { id, name: id }])),
        enrolments: new Map(),
      }),
      routes: ({ sequences, enrolments }) => {
        const of = (email: string) => [...enrolments.values()].filter(each => each.email === email.toLowerCase())
        return {
          'GET /v1/sequences': () => ({ body: { data: [...sequences.values()] } }),
          'GET /v1/enrolments': ({ query }) => ({ body: { data: of(query.get('email') ?? '') } }),
          'POST /v1/sequences/{sequence}/enrolments': ({ params, body }) => {
            const sequence = params.sequence!
            const email = String(body.email ?? '').toLowerCase()
            if (!sequences.has(sequence)) return refusal(404, 'not_found', `There is no sequence ${sequence}.`)
            if (!/^[\w.+-]+@[^@\s]+$/.test(email)) return refusal(422, 'invalid_email', 'This is no address.')
            const enrolment = of(email).find(each => each.status === 'active')
            if (enrolment)
              return refusal(409, 'already_enrolled', `${email} is in ${enrolment.sequence}.`, { enrolment })
            const made: Enrolment = {
              id: randomUUID(),
              sequence,
              email,
              status: 'active',
              enrolledAt: new Date(now()).toISOString(),
              fields: (body.fields as Enrolment['fields'] | undefined) ?? {},
            }
            enrolments.set(made.id, made)
            return { status: 201, body: { enrolment: made } }
          },
        }
      },
    },
    options,
  )
}
