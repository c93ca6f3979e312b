import { onAbort } from '../../on-abort.ts'

/** Who owns what: one holder a name, the others wait in the order in which they came. */
export class Seats {
  readonly #queues = new Map<string, (() => void)[]>()

  /** Resolves with the function that gives the seat up, or with undefined when the signal was aborted first. */
  take(name: string, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    return new Promise(resolve => {
      const leave = () => this.#leave(name, queue, seated)
      const abort = () => {
        leave()
        resolve(undefined)
      }
      const seated = () => {
        forget()
        resolve(leave)
      }
      const forget = onAbort(signal, abort)
      if (queue.push(seated) === 1) seated()
    })
  }

  /** Somebody holds it or waits for it. */
  isTaken(name: string): boolean {
    return this.#queues.has(name)
  }

  #leave(name: string, queue: (() => void)[], seated: () => void): void {
    const place = queue.indexOf(seated)
    if (place < 0) return
    queue.splice(place, 1)
    if (queue.length === 0) this.#queues.delete(name)
    else if (place === 0) queue[0]!()
  }
}
