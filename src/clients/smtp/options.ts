/** How a mail server is reached. */
export interface SmtpOptions {
  /** Names the system in messages. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** TLS from the first byte; else STARTTLS. */
  readonly secure: boolean
  /** Without STARTTLS nothing is sent. */
  readonly requireTls: boolean
  /** Whether the certificate must be that of the host. */
  readonly verifyCertificate: boolean
  /** PEM, beside those that Node trusts: who signed the server's certificate. */
  readonly ca?: string
  readonly user?: string
  readonly password?: string
  /** Longest wait for one answer of the server. */
  readonly timeoutMs: number
}

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1)$/i

/**
 * P9: what is sent to another machine is encrypted, and goes to the right one, unless the author said otherwise.
 * @param url validated: `smtp:` or `smtps:`, with the credentials in its user part.
 */
export function smtpOptions(
  name: string,
  url: string,
  settings: { readonly ca?: string; readonly insecure?: boolean; readonly timeoutMs: number },
): SmtpOptions {
  const { hostname, port, protocol, username, password } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const secure = protocol === 'smtps:'
  const { ca, insecure = false, timeoutMs } = settings
  const isLocal = LOOPBACK.test(host)
  return {
    name,
    host,
    port: Number(port) || (secure ? 465 : 587),
    secure,
    requireTls: !secure && !insecure && (!isLocal || ca !== undefined),
    // A mail server of this machine usually signs for itself, and nobody stands between.
    verifyCertificate: !insecure && (secure || !isLocal || ca !== undefined),
    ...(ca !== undefined && { ca }),
    ...(username !== '' && { user: decodeURIComponent(username), password: decodeURIComponent(password) }),
    timeoutMs,
  }
}
