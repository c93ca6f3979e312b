import { createHmac, randomUUID } from 'node:crypto'
import { type ApiOptions, refusal, type SandboxApi, startSandboxApi } from '../http/api.ts'
import { countDown } from '../http/server.ts'

export interface Meeting {
  readonly id: string
  readonly title: string
  readonly startedAt: string
  readonly endedAt: string
  readonly url: string
  readonly participants: readonly { readonly name: string; readonly email: string | null; readonly host?: boolean }[]
  /** Markdown. */
  readonly summary: string
  readonly actionItems: readonly { readonly text: string; readonly owner: string | null; readonly due?: string }[]
  readonly transcript: readonly { readonly speaker: string; readonly seconds: number; readonly text: string }[]
}

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By id. */
  readonly meetings: Map<string, Meeting>
}

interface Switches {
  /** The next n webhooks never leave. */
  loseNext: number
  /** Each webhook is sent so many times more. */
  duplicates: number
  wrongSignature: boolean
}

export interface RecorderOptions extends ApiOptions<Switches> {
  /** Where webhooks go. */
  readonly target?: string
  /** `whsec_` and base64. */
  readonly secret?: string
  /** More tries of a webhook that got no 2xx; without a pause, so that nobody has to wait. */
  readonly retries?: number
}

export interface SandboxRecorder extends SandboxApi<Stores, Switches> {
  readonly secret: string
  /** May be set later. */
  target: string
  /** The recording is ready; of the same meeting, another webhook of its own. @returns the receiver's answers, one per try; 0 where there was none. */
  finish(meeting: Partial<Meeting>): Promise<number[]>
  /** The same webhook once more, with the same id, as after an answer that came too late. */
  sendAgain(meetingId: string): Promise<number[]>
}

const DEFAULT_SECRET = `whsec_${Buffer.from('sandbox-recorder-secret-32-bytes').toString('base64')}`

/**
 * A typical call recorder. It sends `{ type: 'meeting.completed', timestamp, data: <meeting> }` with a signature after the
 * Standard Webhooks specification, and tries again without 2xx. Behind a bearer token it has
 * - `POST /v1/meetings` with what is known of a meeting: it is recorded, and its webhook sent
 * - `GET /v1/meetings/{id}`
 */
export async function startSandboxRecorder(options: RecorderOptions = {}): Promise<SandboxRecorder> {
  const { secret = DEFAULT_SECRET, retries = 2, now = Date.now, target = '' } = options
  const api = await startSandboxApi<Stores, Switches>(
    {
      switches: { loseNext: 0, duplicates: 0, wrongSignature: false },
      stores: () => ({ meetings: new Map() }),
      routes: ({ meetings }) => ({
        'POST /v1/meetings': ({ body }) => {
          const meeting = meetingOf(body, now())
          void recorder.finish(meeting)
          return { status: 202, body: meeting }
        },
        'GET /v1/meetings/{id}': ({ params }) => {
          const meeting = meetings.get(params.id!)
          return meeting ? { body: meeting } : refusal(404, 'not_found', 'There is no such meeting.')
        },
      }),
    },
    options,
  )
  const { faults, stores } = api

  /** Id of the last webhook of each meeting. */
  const notices = new Map<string, string>()

  async function send(meeting: Meeting): Promise<number[]> {
    const body = JSON.stringify({ type: 'meeting.completed', timestamp: meeting.endedAt, data: meeting })
    const answers: number[] = []
    if (countDown<'loseNext'>(faults, 'loseNext')) return answers
    for (let copy = 0; copy <= faults.duplicates; copy++) {
      for (let attempt = 0; attempt <= retries; attempt++) {
        answers.push(await post(recorder.target, signed(notices.get(meeting.id)!, body), body))
        if (answers.at(-1)! >= 200 && answers.at(-1)! < 300) break
      }
    }
    return answers
  }

  function signed(id: string, body: string): Record<string, string> {
    const timestamp = String(Math.floor(now() / 1000))
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    const text = `${id}.${timestamp}.${faults.wrongSignature ? 'x' : body}`
    const signature = createHmac('sha256', key).update(text).digest('base64')
    return {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    }
  }

  const recorder: SandboxRecorder = Object.assign(api, {
    secret,
    target,
    finish(given: Partial<Meeting>) {
      const meeting = meetingOf(given, now())
      stores.meetings.set(meeting.id, meeting)
      notices.set(meeting.id, `msg_${randomUUID()}`)
      return send(meeting)
    },
    sendAgain(meetingId: string) {
      const meeting = stores.meetings.get(meetingId)
      if (!meeting) throw new Error(`there is no meeting ${meetingId}`)
      return send(meeting)
    },
  })
  return recorder
}

/** A transcript whose JSON has at least so many bytes. */
export function transcriptOf(bytes: number): Meeting['transcript'] {
  const text = 'and then we looked at the numbers of the last quarter once more, line by line. '.repeat(12)
  return Array.from({ length: Math.ceil(bytes / text.length) }, (_, at) => ({
    speaker: at % 2 ? 'Ada' : 'Grace',
    seconds: at * 30,
    text,
  }))
}

function meetingOf(given: Partial<Meeting>, now: number): Meeting {
  return {
    id: randomUUID(),
    title: 'A call',
    startedAt: new Date(now - 1_800_000).toISOString(),
    endedAt: new Date(now).toISOString(),
    url: 'https://recorder.example/meetings/1',
    participants: [],
    summary: '',
    actionItems: [],
    transcript: [],
    ...given,
  }
}

async function post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) })
    await answer.arrayBuffer()
    return answer.status
  } catch {
    return 0
  }
}
