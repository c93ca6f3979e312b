import { onAbort } from '../on-abort.ts'

/** Thrown when the partition went to somebody else: nothing is recorded, the new owner does it again. */
export class Abandoned extends Error {
  constructor() {
    super('the partition is no longer ours')
  }
}

/** What the work gives, while the partition is ours. It is for work that only reads or waits: it goes on unheard. @throws Abandoned */
export async function whileOwned<T>(owned: AbortSignal, work: Promise<T>): Promise<T> {
  let forget = () => {}
  const lost = new Promise<never>((_, reject) => {
    if (owned.aborted) reject(new Abandoned())
    else forget = onAbort(owned, () => reject(new Abandoned()))
  })
  try {
    return await Promise.race([work, lost])
  } finally {
    forget()
    work.catch(() => {})
  }
}
