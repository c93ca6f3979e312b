/**
 * The host that Twenty keeps of a domain: without scheme, user, port, path, leading `www.` and trailing dot, in lower
 * case and punycode. Text that is no address comes back trimmed, in lower case.
 */
export function bareDomain(text: string): string {
  const trimmed = text.trim().toLowerCase()
  if (trimmed === '') return ''
  let host = trimmed
  try {
    host = new URL(/^[a-z][a-z\d+.-]*:\/\//.test(trimmed) ? trimmed : `https://${trimmed}`).hostname || trimmed
  } catch {
    return trimmed
  }
  host = host.replace(/\.+$/, '')
  // `www.com` is somebody's domain, not a prefix.
  while (/^www\.[^.]+\./.test(host)) host = host.slice(4)
  return host
}

/** Any other link: scheme and host in lower case, no slash at the end. */
export function tidyUrl(text: string): string {
  let url = text.trim()
  for (let previous = ''; url !== previous; ) {
    previous = url
    url = tidiedOnce(url)
  }
  return url
}

function tidiedOnce(text: string): string {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return text
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return text
  return (url.origin + url.pathname + url.search + url.hash).replace(/\/+$/, '')
}
