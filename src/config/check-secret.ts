import type { ConfigPath } from './config.ts'
import type { LoadContext } from './load-context.ts'
import type { Node, ScalarNode } from './node.ts'
import type { SchemaView } from './schema-view.ts'

/** Names under which people keep credentials. */
const SECRET_NAME =
  /(^|[-_.])(api[-_]?key|access[-_]?key|token|secret|password|passwd|pwd|authorization|credentials?)$/i
/** In a query, these too. */
const SECRET_PARAMETER = /^(key|sig|signature|auth|code)$/i

/** P9: a secret is only ever a reference. False when it is written out; its value is then never shown. */
export function checkSecret(schema: SchemaView, node: ScalarNode, path: ConfigPath, load: LoadContext): boolean {
  const { references, value, source } = node
  if (references.length > 0) {
    load.secrets.add(node, [String(value), ...references])
    return true
  }
  if (value === null || source === '') return true
  const example = schema.examples?.find((each): each is string => typeof each === 'string' && each.includes('${'))
  const suggestion = JSON.stringify(example ?? `\${${variableName(path)}}`)
  load.problems.add(
    node.place,
    path,
    'literal-secret',
    'a secret is written out here; it belongs in the environment or in a file',
    suggestion,
  )
  load.secrets.add(node, [])
  return false
}

/** Headers and the like have names of the author's own: what is called a credential is treated as one. */
export function registerSecretLooks(key: string, node: Node, path: ConfigPath, load: LoadContext): void {
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || !hasSecretName(key)) return
  checkSecret({}, node, path, load)
}

function hasSecretName(name: string): boolean {
  return SECRET_NAME.test(name.replaceAll(/([a-z])([A-Z])/g, '$1-$2'))
}

/** `TWENTY_API_KEY` for `systems.twenty.apiKey`. */
function variableName(path: ConfigPath): string {
  const names = path.filter(part => typeof part === 'string')
  const owner = names[0] === 'systems' || names[0] === 'connectors' ? names[1] : names[0]
  const text = [owner, names.at(-1)].join('_').replaceAll(/([a-z])([A-Z])/g, '$1_$2')
  return text.replaceAll(/\W/g, '_').toUpperCase()
}

const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\//i
const OPEN_SCHEMES = new Set(['http:', 'ws:', 'smtp:', 'redis:', 'ftp:', 'amqp:', 'mqtt:', 'ldap:', 'imap:', 'tcp:'])

export function looksLikeUrl(node: ScalarNode): boolean {
  return typeof node.value === 'string' && URL_LIKE.test(node.value)
}

export interface UrlUse {
  readonly load: LoadContext
  readonly insecure?: boolean
  /** The address of an outside system: it must be a URL, with TLS unless it is on this machine. */
  readonly isSystem: boolean
  /** TLS comes from elsewhere: `tls` beside a `redis://`. */
  readonly hasTls?: boolean
}

/** P9: no credentials in a URL, except as a reference in its user part; no traffic in the clear to other machines. */
export function checkUrl(node: ScalarNode, path: ConfigPath, { load, insecure, isSystem, hasTls }: UrlUse): void {
  const text = String(node.value)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (isSystem && !URL_LIKE.test(text))) {
    if (isSystem)
      load.problems.add(node.place, path, 'url', `${shownUrl(node)} is not a URL`, 'like https://host.example.com')
    return
  }
  checkUserInfo(node, url, path, load)
  for (const name of url.searchParams.keys()) {
    if (!hasSecretName(name) && !SECRET_PARAMETER.test(name)) continue
    const message = `a secret stands in the query of this URL (\`${name}\`), where proxies and logs keep it`
    load.problems.add(
      node.place,
      path,
      'secret-in-url',
      message,
      'a header, or a key of this system that is made for it',
    )
  }
  // Mail begins in the open and demands STARTTLS before it says anything; only `insecure` does without.
  const isUpgraded = url.protocol === 'smtp:' && !insecure
  if (isSystem && !hasTls && !isUpgraded && OPEN_SCHEMES.has(url.protocol)) {
    checkOpen(node, path, `${url.protocol}//${url.host}`, url.hostname, { load, ...(insecure && { insecure }) })
  }
}

/** An address without TLS: of this machine, or said to be meant. */
export function checkOpen(
  node: Node,
  path: ConfigPath,
  shown: string,
  host: string,
  { load, insecure, suggestion }: { load: LoadContext; insecure?: boolean; suggestion?: string },
): void {
  if (isLoopback(host)) return
  const owner = path.slice(0, path[0] === 'systems' || path[0] === 'connectors' ? 2 : 1).join('.')
  if (insecure) {
    load.warnings.add(`${owner}: what is sent to ${shown} can be read on the way (insecure: true)`)
    return
  }
  const secure =
    suggestion ??
    `${shown.replace(/^(\w+):/, (_, scheme: string) => `${SECURE[scheme] ?? scheme}:`)}, or \`insecure: true\` in ${owner} when the way is trusted`
  load.problems.add(
    node.place,
    path,
    'insecure-url',
    `${shown} has no TLS: what is sent can be read on the way`,
    secure,
  )
}

const SECURE: Readonly<Record<string, string>> = {
  http: 'https',
  ws: 'wss',
  smtp: 'smtps',
  redis: 'rediss',
  ftp: 'ftps',
  amqp: 'amqps',
  mqtt: 'mqtts',
  ldap: 'ldaps',
  imap: 'imaps',
}

function checkUserInfo(node: ScalarNode, url: URL, path: ConfigPath, load: LoadContext): void {
  if (url.password === '') return
  const written = /^[^/]*\/\/[^/?#@]*:([^/?#]*)@/.exec(node.source)?.[1] ?? ''
  const isReference = node.whole || written.includes('${')
  load.secrets.add(node, isReference ? [url.password, decoded(url.password)] : [])
  if (isReference) return
  load.problems.add(
    node.place,
    path,
    'literal-secret',
    'a password is written out in this URL; it belongs in the environment or in a file',
    `${url.protocol}//${url.username}:\${PASSWORD}@${url.host}`,
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function shownUrl(node: ScalarNode): string {
  return `\`${node.source.replace(/\/\/[^/@]*@/, '//***@')}\``
}

/** This machine, by any of its names. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
}
