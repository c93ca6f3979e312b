import type { IncomingMessage } from 'node:http'
import type { Admission } from './limits.ts'

export type BodyFailure = 'too-large' | 'overloaded' | 'aborted'

const EMPTY = Buffer.alloc(0)

/**
 * Collects a body, at most `limit` bytes, and calls `done` once. What it returns must be given back to `admission`
 * after the answer, whatever the outcome. After a failure the rest is thrown away as it comes.
 */
export function readBody(
  message: IncomingMessage,
  limit: number,
  admission: Admission,
  done: (outcome: Buffer | BodyFailure, taken: number) => void,
): void {
  const announced = message.headers['content-length']
  if (announced !== undefined && Number(announced) > limit) {
    done('too-large', 0)
    return
  }
  if (announced === undefined && message.headers['transfer-encoding'] === undefined) {
    done(EMPTY, 0)
    return
  }
  const chunks: Buffer[] = []
  let taken = 0
  let ended = false
  const end = (outcome: Buffer | BodyFailure) => {
    if (ended) return
    ended = true
    chunks.length = 0
    done(outcome, taken)
  }
  message.on('data', (chunk: Buffer) => {
    if (ended) return
    if (taken + chunk.length > limit) end('too-large')
    else if (!admission.takeBytes(chunk.length)) end('overloaded')
    else {
      taken += chunk.length
      chunks.push(chunk)
    }
  })
  message.on('end', () => end(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, taken)))
  // Without a listener of its own an error ends in `close` too.
  message.on('close', () => end('aborted'))
}
