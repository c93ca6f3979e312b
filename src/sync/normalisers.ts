import type { MatchNormaliser } from '../config/config.ts'

/** Text by which two values count as one; '' for an empty value. */
export function normaliserOf(name: MatchNormaliser): (value: unknown) => string {
  return value => {
    if (value === null || value === undefined) return ''
    return BY_NAME[name](typeof value === 'string' ? value : JSON.stringify(value))
  }
}

const BY_NAME: Readonly<Record<MatchNormaliser, (text: string) => string>> = {
  exact: text => text,
  text: text => text.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase(),
  email: text => text.trim().toLowerCase(),
  domain: text =>
    text
      .trim()
      .toLowerCase()
      .replace(/^[a-z][a-z0-9+.-]*:\/\//, '')
      .replace(/[/?#:].*$/, '')
      .replace(/^www\./, ''),
  phone: text => text.replaceAll(/[^\d+]/g, '').replace(/^00/, '+'),
}
