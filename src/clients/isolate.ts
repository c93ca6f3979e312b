import { asSyncError, type SyncError } from '../errors.ts'

/**
 * Sends a batch, and when the other side refuses it as a whole finds the items that it is about, so that only these
 * fail: at most log2(n) + 1 further calls for one bad item of n, and where many are bad one call per item that is left.
 * What is not a refusal of content fails all that is left.
 * @param refusal what a first try with all of them was refused with, when there was one.
 * @param asksAlone one that was only refused with others is asked for alone, at one call more: all together may have
 * been too many, and none of them bad.
 */
export async function isolate<T, R>(
  items: readonly T[],
  send: (items: readonly T[]) => Promise<readonly R[]>,
  { refusal, asksAlone = false }: { refusal?: SyncError | undefined; asksAlone?: boolean } = {},
): Promise<(R | SyncError)[]> {
  const outcomes = new Map<T, R | SyncError>()
  let calls = 0
  const counted = (some: readonly T[]) => {
    calls++
    return send(some)
  }
  let left = items
  let error = refusal ?? (await attempt(left, counted, outcomes))
  // Halving goes on until it has cost as much as one call per item would have.
  while (error?.kind === 'rejected' && calls <= items.length) {
    const found = await findBad(left, { refusal: error, asksAlone }, counted, outcomes)
    left = found.rest
    if (left.length === 0) error = undefined
    else error = found.error.kind === 'rejected' ? await attempt(left, counted, outcomes) : found.error
  }
  if (error?.kind === 'rejected') await oneByOne(left, counted, outcomes)
  else if (error) failAll(left, error, outcomes)
  return items.map(item => outcomes.get(item)!)
}

/** Halves the suspects until one is left, or a call fails for another reason. What has no outcome then is `rest`. */
async function findBad<T, R>(
  items: readonly T[],
  { refusal, asksAlone }: { refusal: SyncError; asksAlone: boolean },
  send: (items: readonly T[]) => Promise<readonly R[]>,
  outcomes: Map<T, R | SyncError>,
): Promise<{ error: SyncError; rest: readonly T[] }> {
  let suspects = items
  let error = refusal
  let isRefused = true
  const untried = () => items.filter(item => !outcomes.has(item))
  while (suspects.length > 1) {
    const half = Math.floor(suspects.length / 2)
    const first = suspects.slice(0, half)
    const second = suspects.slice(half)
    const refused = await attempt(first, send, outcomes)
    if (refused && refused.kind !== 'rejected') return { error: refused, rest: untried() }
    isRefused = refused !== undefined
    error = refused ?? error
    suspects = refused ? first : second
  }
  if (asksAlone && !isRefused) {
    const refused = await attempt(suspects, send, outcomes)
    if (refused?.kind !== 'rejected') return { error: refused ?? error, rest: untried() }
    error = refused
  }
  outcomes.set(suspects[0]!, error)
  return { error, rest: untried() }
}

async function oneByOne<T, R>(
  items: readonly T[],
  send: (items: readonly T[]) => Promise<readonly R[]>,
  outcomes: Map<T, R | SyncError>,
): Promise<void> {
  for (const [place, item] of items.entries()) {
    const error = await attempt([item], send, outcomes)
    if (!error) continue
    if (error.kind !== 'rejected') return failAll(items.slice(place), error, outcomes)
    outcomes.set(item, error)
  }
}

async function attempt<T, R>(
  items: readonly T[],
  send: (items: readonly T[]) => Promise<readonly R[]>,
  outcomes: Map<T, R | SyncError>,
): Promise<SyncError | undefined> {
  try {
    const results = await send(items)
    items.forEach((item, place) => void outcomes.set(item, results[place]!))
    return undefined
  } catch (thrown) {
    return asSyncError(thrown)
  }
}

function failAll<T, R>(items: readonly T[], error: SyncError, outcomes: Map<T, R | SyncError>): void {
  for (const item of items) if (!outcomes.has(item)) outcomes.set(item, error)
}
