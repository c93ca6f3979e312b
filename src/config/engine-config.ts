import { dirname, join, resolve } from 'node:path'
import type { Static, TSchema } from '@sinclair/typebox'
import { checkCertificates } from './check-certificates.ts'
import { checkOpen, checkUrl, isLoopback } from './check-secret.ts'
import { checkValue } from './check-value.ts'
import type { Config, ConfigPath, LogConfig, ServerConfig, StateConfig, TlsConfig } from './config.ts'
import { bytesOf, durationIn } from './definition.ts'
import { ExpressionsSchema } from './expressions-schema.ts'
import type { LoadContext } from './load-context.ts'
import { LogSchema } from './log-schema.ts'
import { keyPlaceOf, type MapNode, type Node, quoted, type ScalarNode, textAt } from './node.ts'
import { viewOf } from './schema-view.ts'
import { ServerSchema } from './server-schema.ts'
import { StateSchema } from './state-schema.ts'

/** What is neither system nor flow: where events and memory live, where the world comes in, what expressions know. */
export function readEngine(
  root: MapNode,
  files: readonly string[],
  load: LoadContext,
): Pick<Config, 'log' | 'state' | 'server' | 'freeMail'> {
  const log = readLog(root, files, load)
  const { freeMail = [] } = checked(ExpressionsSchema, section(root, 'expressions'), 'expressions', load)
  return { log, state: readState(root, log, load), server: readServer(root, load), freeMail }
}

/** The keys that belong to one kind only; elsewhere they would be ignored without a word. */
const LOG_KEYS: Readonly<Record<string, string>> = {
  ...keysOf('embedded', 'folder', 'maxSize'),
  ...keysOf(
    'kafka',
    ...['brokers', 'clientId', 'partitions', 'replication', 'minInsyncReplicas', 'tls', 'sasl', 'compression'],
    ...['registry', 'insecure'],
  ),
}
const TYPES: ReadonlySet<string> = new Set(['embedded', 'kafka', 'memory', 'redis'])
const STATE_KEYS = keysOf('redis', 'url', 'cluster', 'prefix', 'tls', 'insecure')

function keysOf(type: string, ...keys: string[]): Record<string, string> {
  return Object.fromEntries(keys.map(key => [key, type]))
}

function section(root: MapNode, key: string): Node {
  return root.entries.get(key) ?? { kind: 'map', place: root.place, entries: new Map() }
}

function checked<S extends TSchema>(schema: S, node: Node, key: string, load: LoadContext): Static<S> {
  const insecure = saysInsecure(node)
  const value = checkValue(viewOf(schema), node, [key], { load, insecure })
  return (node.kind === 'map' ? value : {}) as Static<S>
}

/** `insecure: true` of a system, a connector, the log or the state. */
export function saysInsecure(node: Node): boolean {
  const said = node.kind === 'map' ? node.entries.get('insecure') : undefined
  return said?.kind === 'scalar' && (said.value === true || (said.whole && said.value === 'true'))
}

function readLog(root: MapNode, files: readonly string[], load: LoadContext): LogConfig {
  const node = section(root, 'log')
  const config = checked(LogSchema, node, 'log', load)
  const { type = 'embedded', prefix = 'twenty-sync', retention = '30d' } = config
  misplaced(node, 'log', type, LOG_KEYS, load)
  const base = { prefix, retentionMs: durationIn(retention) ?? 0 }
  // Not a type at all: that was said, and what else would follow from it is guesswork.
  if (!TYPES.has(type)) return { ...base, type: 'memory' }
  if (type === 'memory') {
    load.warnings.add('log: events are kept in memory only and are lost when the process ends')
    return { ...base, type }
  }
  if (type === 'embedded') {
    const { maxSize } = config
    const maxBytes = maxSize !== undefined && load.problems.count === 0 ? bytesOf(maxSize) : undefined
    return { ...base, type, folder: folderOf(node, config.folder, files), ...(maxBytes !== undefined && { maxBytes }) }
  }
  const brokers = brokersOf(config.brokers)
  if (brokers.length === 0) required(node, ['log', 'brokers'], 'brokers: kafka-1:9093,kafka-2:9093', load)
  checkBrokers(node, config, load)
  checkTrust(node, config, 'log', load)
  checkCertificates(node, 'log', load)
  return {
    ...base,
    type: 'kafka',
    brokers,
    clientId: config.clientId ?? 'twenty-sync',
    partitions: config.partitions ?? 12,
    // -1 leaves it to the cluster.
    replication: config.replication ?? -1,
    ...(config.minInsyncReplicas !== undefined && { minInsyncReplicas: config.minInsyncReplicas }),
    ...tlsPart(config.tls),
    ...(config.sasl && { sasl: config.sasl }),
    compression: config.compression ?? 'none',
    ...(config.registry && { registry: config.registry }),
  }
}

/** Relative to the file that names it; else beside the first config file. */
function folderOf(node: Node, folder: string | undefined, files: readonly string[]): string {
  const named = node.kind === 'map' ? node.entries.get('folder') : undefined
  if (typeof folder === 'string' && named) return resolve(dirname(named.place.file), folder)
  return join(dirname(files[0] ?? '.'), 'data')
}

function brokersOf(brokers: string | string[] | undefined): string[] {
  const list = typeof brokers === 'string' ? brokers.split(',') : Array.isArray(brokers) ? brokers : []
  return list.map(broker => (typeof broker === 'string' ? broker.trim() : '')).filter(broker => broker !== '')
}

const BROKER = /^(\[[^\]\s]+\]|[^:/\s]+):\d+$/

function checkBrokers(node: Node, { tls, insecure = false }: Static<typeof LogSchema>, load: LoadContext): void {
  const brokers = brokersAt(node)
  for (const { at, path, broker } of brokers) {
    if (BROKER.test(broker)) continue
    const shown = at.references.length > 0 ? quoted(at) : `"${broker}"`
    load.problems.add(at.place, path, 'pattern', `${shown} is not a broker`, 'like kafka-1:9092')
  }
  if (tls) return
  const open = brokers.find(({ broker }) => BROKER.test(broker) && !isLoopback(hostOf(broker)))
  if (!open) return
  const suggestion = '`tls: true`, or `insecure: true` in log when the way is trusted'
  checkOpen(open.at, open.path, `Kafka at ${open.broker}`, hostOf(open.broker), { load, insecure, suggestion })
}

function hostOf(broker: string): string {
  return broker.replace(/:\d+$/, '')
}

/** Each broker with the text that names it. */
function brokersAt(node: Node): { at: ScalarNode; path: ConfigPath; broker: string }[] {
  const written = node.kind === 'map' ? node.entries.get('brokers') : undefined
  const path = ['log', 'brokers']
  if (written?.kind === 'list') return written.items.flatMap((item, at) => brokersIn(item, [...path, at]))
  return written ? brokersIn(written, path) : []
}

function brokersIn(node: Node, path: ConfigPath): { at: ScalarNode; path: ConfigPath; broker: string }[] {
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || node.unresolved) return []
  return brokersOf(node.value).map(broker => ({ at: node, path, broker }))
}

/** A certificate that nobody checks is worth no more than none. */
function checkTrust(
  node: Node,
  { tls, insecure }: { tls?: boolean | TlsConfig; insecure?: boolean },
  name: string,
  { problems, warnings }: LoadContext,
): void {
  if (typeof tls !== 'object' || tls?.rejectUnauthorized !== false) return
  if (insecure) return void warnings.add(`${name}: no certificate is checked (rejectUnauthorized: false)`)
  const written = node.kind === 'map' ? node.entries.get('tls') : undefined
  const place = (written?.kind === 'map' ? written.entries.get('rejectUnauthorized') : written)?.place ?? node.place
  const suggestion = `\`ca\` with the certificate to trust, or \`insecure: true\` in ${name}`
  const message = 'without a check of certificates anybody can pass for the other side'
  problems.add(place, [name, 'tls', 'rejectUnauthorized'], 'insecure-url', message, suggestion)
}

function tlsPart(tls: boolean | TlsConfig | undefined): { tls?: TlsConfig | true } {
  return tls === undefined || tls === false ? {} : { tls }
}

function readState(root: MapNode, log: LogConfig, load: LoadContext): StateConfig {
  const node = section(root, 'state')
  const config = checked(StateSchema, node, 'state', load)
  const type = config.type ?? (config.url !== undefined ? 'redis' : log.type === 'kafka' ? undefined : log.type)
  if (type === undefined) {
    required(
      root.entries.get('log') ?? node,
      ['state'],
      'state: { type: redis, url: "${REDIS_URL}" }',
      load,
      'beside Kafka, `state` must say where flows remember',
    )
    return { type: 'memory' }
  }
  if (!TYPES.has(type) || !TYPES.has(textAt(section(root, 'log'), 'type') ?? 'embedded')) return { type: 'memory' }
  misplaced(node, 'state', type, STATE_KEYS, load)
  if ((log.type === 'embedded') !== (type === 'embedded')) {
    const typeNode = (node.kind === 'map' && node.entries.get('type')) || node
    const suggestion = log.type === 'embedded' ? 'embedded' : 'redis'
    const message = '`log: embedded` and `state: embedded` go together: both are one file'
    load.problems.add(typeNode.place, ['state', 'type'], 'engine', message, suggestion)
  }
  if (type === 'redis') return readRedis(node, config, load)
  if (type === 'memory')
    load.warnings.add('state: what flows remember is kept in memory only and is lost when the process ends')
  return { type }
}

function readRedis(node: Node, config: Static<typeof StateSchema>, load: LoadContext): StateConfig {
  const { url, tls, prefix = 'twenty-sync', insecure = false } = config
  const urls = typeof url === 'string' ? [url] : (url ?? [])
  if (urls.length === 0) required(node, ['state', 'url'], 'url: "${REDIS_URL}"', load)
  const written = node.kind === 'map' ? node.entries.get('url') : undefined
  const nodes = written?.kind === 'list' ? written.items : written ? [written] : []
  for (const [at, each] of nodes.entries()) {
    if (each.kind !== 'scalar' || each.unresolved || !/^rediss?:/.test(String(each.value))) continue
    const path = written?.kind === 'list' ? ['state', 'url', at] : ['state', 'url']
    checkUrl(each, path, { load, insecure, isSystem: true, hasTls: tls !== undefined && tls !== false })
  }
  checkTrust(node, config, 'state', load)
  checkCertificates(node, 'state', load)
  const certificates = tlsPart(tls).tls
  return {
    type: 'redis',
    urls,
    cluster: config.cluster ?? urls.length > 1,
    prefix,
    ...(certificates && { tls: certificates === true ? {} : certificates }),
  }
}

function readServer(root: MapNode, load: LoadContext): ServerConfig {
  const { host = '127.0.0.1', port = 8080, publicUrl } = checked(ServerSchema, section(root, 'server'), 'server', load)
  return { host, port, ...(typeof publicUrl === 'string' && { publicUrl: publicUrl.replace(/\/+$/, '') }) }
}

function misplaced(
  node: Node,
  name: string,
  type: string,
  owners: Readonly<Record<string, string>>,
  load: LoadContext,
): void {
  if (node.kind !== 'map' || !TYPES.has(type)) return
  const said = textAt(node, 'type')
  for (const [key, value] of node.entries) {
    const owner = owners[key]
    if (owner === undefined || owner === type) continue
    const message = `\`${key}\` is for \`type: ${owner}\`, and this ${name} is ${type}${said === undefined ? ' by default' : ''}`
    load.problems.add(keyPlaceOf(value), [name, key], 'misplaced-key', message, `type: ${owner}`)
  }
}

function required(node: Node, path: ConfigPath, suggestion: string, load: LoadContext, why?: string): void {
  load.problems.add(keyPlaceOf(node), path, 'missing', why ?? `\`${path.at(-1)}\` is missing`, suggestion)
}
