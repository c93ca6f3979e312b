/**
 * What one evaluation may cost. CEL always ends, yet loops within loops over long lists end too late, and doubling a
 * text or a list often enough fills the memory. Counted, not timed: the same input gives the same outcome.
 */
const BUDGET = 2_000_000

/** Thrown as it is, without a stack: it may be thrown once per turn of a loop that swallows errors. */
export const exhausted = new Error(`stopped after ${BUDGET} operations`)

let left = 0

export function startMeter(): void {
  left = BUDGET
}

/** @throws `exhausted` once the budget is used up, and on every call after that. */
export function spend(units: number): void {
  left -= units
  if (left < 0) throw exhausted
}

/** Looking for a long text in another one takes length times length at worst; short ones are fast in any case. */
export function spendSearch(text: string, wanted: string): void {
  if (wanted.length > 256) spend((text.length * wanted.length) / 64)
}

/** Comparing two values looks at every part of them. */
export function spendOn(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const parts = Array.isArray(value) ? value : Object.values(value)
  spend(parts.length)
  for (const part of parts) spendOn(part)
}
