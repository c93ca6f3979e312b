import type { ConfigPath } from '../config/config.ts'
import type { ListNode, Node } from '../config/node.ts'
import { type Mismatch, mismatches } from './matches.ts'

interface Pairing {
  readonly expected: Node
  readonly path: ConfigPath
}

/**
 * Compares what is expected with what is there, in any order and each once. What fits nothing is compared with what is
 * nearest to it, so that a difference is said and not just that there is one.
 * @param one what each is called: `person`.
 */
export function listMismatches(
  expected: ListNode,
  found: readonly unknown[],
  path: ConfigPath,
  one: string,
  mayHaveMore = false,
): Mismatch[] {
  const left = new Set(found)
  const open: Pairing[] = []
  for (const [at, item] of expected.items.entries()) {
    const fitting = [...left].find(each => mismatches(item, each, []).length === 0)
    if (fitting === undefined) open.push({ expected: item, path: [...path, at] })
    else left.delete(fitting)
  }
  if (mayHaveMore) return open.flatMap(pairing => nearest(pairing, new Set(left), one))
  const differing = open.flatMap(pairing => nearest(pairing, left, one))
  const place = expected.keyPlace ?? expected.place
  const message = `${one}: there is one more than the test says`
  return [...differing, ...[...left].map(each => ({ place, path, message, found: each }))]
}

function nearest({ expected, path }: Pairing, left: Set<unknown>, one: string): Mismatch[] {
  const candidates = [...left]
    .map(each => ({ each, wrong: mismatches(expected, each, path) }))
    .sort((a, b) => a.wrong.length - b.wrong.length)
  const [best] = candidates
  if (!best) return [{ place: expected.place, path, message: `${one}: there is none like this` }]
  left.delete(best.each)
  return best.wrong
}
