/** Repeatable randomness: the same seed and label give the same numbers in every run. */
export class Random {
  readonly #label: string
  #a: number
  #b: number

  constructor(seed: number | string) {
    this.#label = String(seed)
    this.#a = hashed(this.#label, 0x9e3779b9)
    this.#b = hashed(this.#label, 0x85ebca6b)
    for (let warm = 0; warm < 8; warm++) this.next()
  }

  /** A stream of its own, so that one purpose's draws do not shift another's. */
  fork(name: string): Random {
    return new Random(`${this.#label}/${name}`)
  }

  /** In [0, 1). */
  next(): number {
    // xorshift64 in two halves, enough for schedules.
    let t = this.#a
    const s = this.#b
    this.#a = s
    t ^= t << 23
    t ^= t >>> 17
    t ^= s ^ (s >>> 26)
    this.#b = t
    return ((t + s) >>> 0) / 4294967296
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!
  }
}

function hashed(text: string, start: number): number {
  let hash = start | 0
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    hash ^= hash >>> 13
  }
  return hash | 1
}
