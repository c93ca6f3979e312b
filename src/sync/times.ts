import type { Link } from './link.ts'

/** Sync timestamps of a link: per agreed field, when its value came to be and on which side. */
export function timesOf(link: Link): Record<string, string> | undefined {
  const times = Object.entries(link.fields).flatMap(([name, { agreed }]) =>
    agreed ? [[name, `${new Date(agreed.at).toISOString()} ${agreed.from}`] as const] : [],
  )
  return times.length === 0 ? undefined : Object.fromEntries(times)
}
