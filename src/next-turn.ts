/** Lets input, output and timers have their turn between pages of synchronous work. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
