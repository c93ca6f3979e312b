interface Watch {
  readonly calls: Set<() => void>
  readonly listener: () => void
}

const watched = new WeakMap<AbortSignal, Watch>()

/**
 * Calls `call` once when the signal is aborted, unless the returned function was called before. Not for a signal that is
 * aborted already. One listener per signal, however many wait: EventTarget walks all of its listeners to add or remove
 * one, which a thousand calls that wait on one system's signal would pay for each time.
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  const watch = watched.get(signal) ?? begin(signal)
  // A function of its own per registration: the same `call` may wait twice.
  const entry = () => call()
  watch.calls.add(entry)
  return () => {
    if (watch.calls.delete(entry) && watch.calls.size === 0) end(signal, watch)
  }
}

function begin(signal: AbortSignal): Watch {
  const calls = new Set<() => void>()
  const listener = () => {
    for (const call of [...calls]) call()
  }
  const watch = { calls, listener }
  watched.set(signal, watch)
  signal.addEventListener('abort', listener, { once: true })
  return watch
}

/** A signal that was made from others is kept in memory as long as it has a listener. */
function end(signal: AbortSignal, watch: Watch): void {
  watched.delete(signal)
  signal.removeEventListener('abort', watch.listener)
}
