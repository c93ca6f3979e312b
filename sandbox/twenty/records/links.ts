/**
 * The bare host of a company's domain: no scheme, user, port, path, leading `www.` or trailing dot;
 * lower case, punycode. Text that is no host comes back trimmed and in lower case.
 */
export function bareHost(text: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text.trim()) ? text.trim() : `https://${text.trim()}`
  try {
    const host = new URL(withScheme).hostname.toLowerCase()
    return host.replace(/^www\./, '').replace(/\.$/, '')
  } catch {
    return text.trim().toLowerCase()
  }
}

/** Lower-case origin, the rest as it is, one trailing slash gone. Text that is no URL stays. */
export function normalUrl(text: string): string {
  try {
    const url = new URL(text)
    const rest = text.slice(text.indexOf('://') + 3).replace(/^[^/?#]*/, '')
    return `${url.origin === 'null' ? url.protocol : url.origin}${rest}`.replace(/\/$/, '')
  } catch {
    return text.replace(/\/$/, '')
  }
}
