import type { Clock } from '../environment.ts'
import { onAbort } from '../on-abort.ts'

/** The machine's own clock: the only place in `src/` that reads it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, fire, options) {
    const timer = setTimeout(fire, ms)
    if (options?.background) timer.unref()
    return () => clearTimeout(timer)
  },
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer = setTimeout(() => {
        forget?.()
        resolve()
      }, ms)
      const forget =
        signal &&
        onAbort(signal, () => {
          clearTimeout(timer)
          reject(signal.reason)
        })
    })
  },
}
