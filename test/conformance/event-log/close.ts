import { describe, expect, it } from 'vitest'
import { makeEvent } from '../../support/make-event.ts'
import type { LogSuite } from './suite.ts'

export function closeSuite(suite: LogSuite): void {
  describe('close', () => {
    it('ends a subscription that waits for events, revoked and committed', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 3)
      const collector = suite.collect(topic, 'flow')
      await suite.until(() => collector.events.length === 3)
      await suite.log.close()
      expect(await collector.ended).toBeUndefined()
      expect(collector.calls.at(-1)).toBe('revoked 0')
    })

    it('ends a subscription whose `take` never resolves', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 3)
      const collector = suite.collect(topic, 'flow', { take: () => new Promise(() => {}) })
      await suite.until(() => collector.events.length > 0)
      await suite.log.close()
      expect(await collector.ended).toBeUndefined()
      expect(collector.calls.at(-1)).toBe('revoked 0')
    })

    it('ends a subscription that is full', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 30)
      const collector = suite.collect(topic, 'flow', { finish: () => false, maxInFlight: 5 })
      await suite.until(() => collector.events.length === 5)
      await suite.log.close()
      expect(await collector.ended).toBeUndefined()
    })

    it('ends a read, which never passes for complete', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 3000)
      let found = 0
      const reading = (async () => {
        for await (const _ of suite.log.read(topic)) if (++found === 1) await suite.log.close()
      })()
      const error = await reading.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (error === undefined) expect(found).toBe(3000)
      else expect(error).toMatchObject({ kind: 'retryable', code: 'LOG_UNAVAILABLE' })
    })

    it('waits for what is being appended, then refuses more', async () => {
      const topic = await suite.topic(1)
      const appending = suite.fill(topic, 10)
      await suite.log.close()
      await appending.catch(error => expect(error).toMatchObject({ code: 'LOG_UNAVAILABLE' }))
      await expect(suite.log.append(topic, [makeEvent()])).rejects.toMatchObject({
        kind: 'retryable',
        code: 'LOG_UNAVAILABLE',
      })
    })

    it('may be called again, and before anything was used', async () => {
      await suite.log.close()
      await Promise.all([suite.log.close(), suite.log.close()])
    })
  })
}
