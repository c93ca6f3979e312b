import { onAbort } from '../on-abort.ts'

/** Thrown when the partition went to somebody else: nothing is recorded, the new owner does it again. */
export class Abandoned extends Error {
  constructor() {
    super('the partition is no longer ours')
  }
}

/** What the work gives, while the partition is ours. It is for work that only reads or waits: it goes on unheard. @throws Abandoned */
export function whileOwned<T>(owned: AbortSignal, work: Promise<T>): Promise<T> {
  if (owned.aborted) return Promise.race([work, Promise.reject(new Abandoned())])
  return new Promise((resolve, reject) => {
    const forget = onAbort(owned, () => reject(new Abandoned()))
    work.then(
      value => {
        forget()
        resolve(value)
      },
      error => {
        forget()
        reject(error)
      },
    )
  })
}
