/** Replaces secret values wherever they stand in text. P9. */
export class Redactor {
  readonly #pattern: RegExp | undefined

  /** @param secrets values; short ones are left alone, they would hit innocent text. */
  constructor(secrets: readonly string[]) {
    const forms = secrets
      .filter(secret => secret.length >= 6)
      .flatMap(secret => [secret, encodeURIComponent(secret), base64(secret)])
    const unique = [...new Set(forms)].sort((a, b) => b.length - a.length)
    this.#pattern = unique.length === 0 ? undefined : new RegExp(unique.map(escapeRegExp).join('|'), 'g')
  }

  text(text: string): string {
    return this.#pattern ? text.replace(this.#pattern, '[redacted]') : text
  }

  /** A copy without secrets in any string of it; the value itself when there is none. */
  redact<T>(value: T): T {
    if (!this.#pattern) return value
    return this.#copy(value) as T
  }

  #copy(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map(item => this.#copy(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#copy(inner)]))
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
