/**
 * Waits until the condition holds, looking again after every turn of the event loop: tests wait for facts, never for time.
 * @throws Error naming what was waited for when `deadlineMs` pass first. An error of the condition itself counts as "not yet".
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { deadlineMs = 10_000, what = condition.toString() }: { deadlineMs?: number; what?: string } = {},
): Promise<void> {
  const end = Date.now() + deadlineMs
  let last: unknown
  for (;;) {
    try {
      if (await condition()) return
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: last })
    await new Promise(resolve => setImmediate(resolve))
  }
}
