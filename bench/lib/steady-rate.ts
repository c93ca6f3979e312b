/**
 * Events per second between the first and the last tenth: joining a group and emptying the last buffers take seconds
 * that say nothing about a consumer that runs for weeks.
 * @param samples milliseconds and the count so far.
 */
export function steadyRate(samples: readonly (readonly [atMs: number, count: number])[], total: number): number {
  const first = samples.find(([, count]) => count >= total * 0.1)
  const last = samples.find(([, count]) => count >= total * 0.9)
  if (!first || !last || last[0] === first[0]) return Number.NaN
  return ((last[1] - first[1]) * 1000) / (last[0] - first[0])
}
