/** Replaces secret values wherever they stand in text. P9. */
export class Redactor {
  readonly #pattern: RegExp | undefined

  /** @param secrets values; short ones are left alone, they would hit innocent text. */
  constructor(secrets: readonly string[]) {
    const known = secrets.filter(secret => secret.length >= 6)
    const plain = [...new Set(known.flatMap(written))].sort((a, b) => b.length - a.length).map(escapeRegExp)
    const patterns = [...plain, ...new Set(known.flatMap(withinBase64))]
    this.#pattern = patterns.length === 0 ? undefined : new RegExp(patterns.join('|'), 'g')
  }

  text(text: string): string {
    return this.#pattern ? text.replace(this.#pattern, '[redacted]') : text
  }

  /** A copy without secrets in any string of it, names included; the value itself when there is none. */
  redact<T>(value: T): T {
    if (!this.#pattern) return value
    return this.#copy(value) as T
  }

  #copy(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map(item => this.#copy(item))
    if (typeof value !== 'object' || value === null) return value
    const copy = new Map<string, unknown>()
    for (const [name, inner] of Object.entries(value)) copy.set(this.#freeName(name, copy), this.#copy(inner))
    return Object.fromEntries(copy)
  }

  /** Two names may differ in their secrets alone; neither value is to be lost. */
  #freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
    const redacted = this.text(name)
    let free = redacted
    for (let count = 2; taken.has(free); count++) free = `${redacted} (${count})`
    return free
  }
}

/** As it is, and as URLs, forms, JSON text and base64 of it alone have it. */
function written(secret: string): string[] {
  const form = new URLSearchParams({ '': secret }).toString().slice(1)
  return [secret, encodeURIComponent(secret), form, JSON.stringify(secret).slice(1, -1), base64(secret)]
}

/**
 * Base64 of something longer, as in a Basic header. Three bytes make four characters, so there are three ways in which
 * the secret can lie in it; the characters that it shares with its neighbours go too.
 */
function withinBase64(secret: string): string[] {
  return [0, 1, 2].flatMap(shift => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
    const own = bytes.toString('base64').slice(Math.ceil((shift * 4) / 3), Math.floor((bytes.length * 4) / 3))
    const shared = bytes.length % 3 === 0 ? '' : '[\\w+/-]?={0,2}'
    const alphabets = [own, own.replaceAll('+', '-').replaceAll('/', '_')]
    return alphabets.map(text => `${shift === 0 ? '' : '[\\w+/-]'}${escapeRegExp(text)}${shared}`)
  })
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
