import type { Client } from 'pg'
import type { Environment } from '../../environment.ts'
import { onAbort } from '../../on-abort.ts'
import { errorOf } from './errors.ts'
import { quoteName } from './quote.ts'

export interface ListenOptions {
  readonly connect: () => Client
  readonly channel: string
  readonly system: string
  readonly env: Environment
}

const RETRY_MS = [1000, 5000, 15_000, 60_000]

/**
 * Hears notifications until aborted, over a connection of its own. Never rejects: a connection that breaks is made anew.
 * `heard` without a payload: it has just begun to listen, and what was said before is lost.
 */
export async function listen(
  { connect, channel, system, env }: ListenOptions,
  heard: (payload: string | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    try {
      await untilBroken(
        connect(),
        channel,
        payload => {
          failures = 0
          heard(payload)
        },
        signal,
      )
    } catch (thrown) {
      const { code, message } = errorOf(system, thrown, 'reading')
      if (failures === 0) env.logger.warn({ system, code }, `${system} is polled only: listening failed: ${message}`)
    }
    if (signal.aborted) return
    const waitMs = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]!
    await env.clock.sleep(waitMs, signal).catch(() => {})
  }
}

async function untilBroken(
  client: Client,
  channel: string,
  heard: (payload: string | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  let settle = () => {}
  let fail = (_: unknown) => {}
  const broken = new Promise<void>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  broken.catch(() => {})
  client.on('error', error => fail(error))
  client.on('end', () => settle())
  client.on('notification', ({ payload }) => heard(payload))
  const deaf = onAbort(signal, () => settle())
  try {
    await client.connect()
    await client.query(`listen ${quoteName(channel)}`)
    heard(undefined)
    await broken
  } finally {
    deaf()
    await client.end().catch(() => {})
  }
}
