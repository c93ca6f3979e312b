import { Interrupted } from './exit-code.ts'
import type { Shell } from './shell.ts'

/**
 * Runs the work with a signal that SIGINT or SIGTERM aborts, with an `Interrupted` as its reason. A second one of either
 * ends the process at once.
 */
export async function interruptible<T>(shell: Shell, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController()
  const remove = (['SIGINT', 'SIGTERM'] as const).map(name =>
    shell.onSignal(name, () => {
      const interrupted = new Interrupted(name)
      if (ending.signal.aborted) shell.exit(interrupted.code)
      else ending.abort(interrupted)
    }),
  )
  try {
    return await work(ending.signal)
  } finally {
    for (const each of remove) each()
  }
}
