import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { LoadContext } from './load-context.ts'
import { keyPlaceOf, type MapNode, type Node, type ScalarNode } from './node.ts'

/** The certificates of `log.tls` or `state.tls`: a file that is none would else show itself when the daemon connects. */
export function checkCertificates(node: Node, section: 'log' | 'state', { problems }: LoadContext): void {
  const tls = node.kind === 'map' ? node.entries.get('tls') : undefined
  if (tls?.kind !== 'map') return
  const [ca, cert, key] = [given(tls, 'ca'), given(tls, 'cert'), given(tls, 'key')]
  const add = (at: ScalarNode, name: string, message: string, suggestion: string) =>
    problems.add(at.place, [section, 'tls', name], 'certificate', message, suggestion)

  for (const [name, at] of [['ca', ca] as const, ['cert', cert] as const]) {
    if (at && !certificateIn(at)) add(at, name, 'this is no certificate in PEM', suggestedFor(at, `./${name}.pem`))
  }
  // Written out it is a problem already.
  const isReadable = key === undefined || key.references.length === 0 || keyIn(key) !== undefined
  if (key && !isReadable) {
    add(key, 'key', 'this is no private key in PEM that can be read without a password', '"${file:./client.key}"')
  }
  for (const [name, has, lacks] of [['cert', key, cert] as const, ['key', cert, key] as const]) {
    if (!has || tls.entries.has(name) || lacks) continue
    const message = `\`${name}\` is missing: our own certificate and its key go together`
    problems.add(
      keyPlaceOf(tls),
      [section, 'tls', name],
      'missing',
      message,
      `${name}: "\${file:./client.${ENDING[name]}}"`,
    )
  }
  const [certificate, privateKey] = [cert && certificateIn(cert), key && keyIn(key)]
  if (key && certificate && privateKey && !certificate.checkPrivateKey(privateKey)) {
    add(key, 'key', 'this is not the key of the certificate in `cert`', 'the two files that were made together')
  }
}

const ENDING = { cert: 'pem', key: 'key' }

function given(tls: MapNode, name: string): ScalarNode | undefined {
  const node = tls.entries.get(name)
  return node?.kind === 'scalar' && typeof node.value === 'string' && !node.unresolved ? node : undefined
}

/** The first; undefined when any is none. */
function certificateIn({ value }: ScalarNode): X509Certificate | undefined {
  const blocks = String(value).match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)
  try {
    return blocks?.map(block => new X509Certificate(block))[0]
  } catch {
    return undefined
  }
}

function keyIn({ value }: ScalarNode) {
  try {
    return createPrivateKey(String(value))
  } catch {
    return undefined
  }
}

/** A path in the certificate's place is the likeliest slip. */
function suggestedFor({ source, references }: ScalarNode, example: string): string {
  const isPath = references.length === 0 && /^[\w./~-]+$/.test(source)
  return `"\${file:${isPath ? source : example}}"`
}
