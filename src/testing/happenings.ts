import type { Static } from '@sinclair/typebox'
import { durationMs } from '../config/definition.ts'
import { keyPlaceOf } from '../config/node.ts'
import type { Verification } from '../connectors/webhook/verify.ts'
import { asSyncError, SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import { nearest } from '../nearest.ts'
import type { Bench } from './bench.ts'
import { PUBLIC_URL } from './bench.ts'
import { type Mismatch, mismatches } from './matches.ts'
import { bodyOf } from './request-body.ts'
import { proofOf } from './sender.ts'
import type { StepDocument } from './step-schema.ts'
import type { TestStep, Verb } from './test-file.ts'
import type { Workspace } from './workspace.ts'

type Args<V extends Verb> = NonNullable<StepDocument[V]>
type Happen = (bench: Bench, step: TestStep) => Promise<Mismatch[]>

/** Does what a step says, all but `expect`. @returns what went otherwise than the step says. */
export async function happen(bench: Bench, step: TestStep): Promise<Mismatch[]> {
  try {
    return await HAPPENINGS[step.verb as Exclude<Verb, 'expect'>](bench, step)
  } catch (thrown) {
    const { code, message } = asSyncError(thrown)
    const place = keyPlaceOf(step.node)
    const text = code === 'UNCLASSIFIED' && thrown instanceof Error ? thrown.message : message
    return [{ place, path: step.path, message: `this cannot be done: ${text}` }]
  }
}

const HAPPENINGS: Readonly<Record<Exclude<Verb, 'expect'>, Happen>> = {
  post,
  async create(bench, { args }) {
    const { in: system, object, values, by } = args as Args<'create'>
    workspaceOf(bench, system).create(object, values, by)
    await bench.rest()
    return []
  },
  async update(bench, step) {
    const { in: system, object, values, by } = step.args as Args<'update'>
    const workspace = workspaceOf(bench, system)
    workspace.update(object, idOf(workspace, object, step), values, by)
    await bench.rest()
    return []
  },
  async delete(bench, step) {
    const { in: system, object, by } = step.args as Args<'delete'>
    const workspace = workspaceOf(bench, system)
    workspace.delete(object, idOf(workspace, object, step), by)
    await bench.rest()
    return []
  },
  async trigger(bench, { args }) {
    const { source, id, data, list } = args as Args<'trigger'>
    const [connector = '', object, action] = source.split('.')
    const place = { connector, ...(object && { object }), ...(action && { action }) }
    const launched: Promise<unknown> = list
      ? bench.operations.triggerList({ ...place, records: list, ...(data && { parameters: data }) })
      : bench.operations.trigger({ ...place, ...(id && { id }), ...(data && { data }) })
    await bench.ask(launched)
    await bench.rest()
    return []
  },
  async after(bench, { args }) {
    await bench.pass(durationMs(args as Args<'after'>))
    return []
  },
  async redrive(bench, { args }) {
    await bench.ask(bench.operations.redriveDeadLetters({ flow: args as Args<'redrive'>, all: true }))
    await bench.rest()
    return []
  },
}

async function post(bench: Bench, step: TestStep): Promise<Mismatch[]> {
  const args = step.args as Args<'post'>
  const { times = 1, status } = args
  const request = requestOf(bench, args)
  const answers = await Promise.all(Array.from({ length: times }, () => bench.inject(request)))
  await bench.rest()
  const unlike = answers.find(answer =>
    status === undefined ? answer.status < 200 || answer.status > 299 : answer.status !== status,
  )
  if (!unlike) return []
  const written = step.node.kind === 'map' ? step.node.entries.get('status') : undefined
  const place = keyPlaceOf(written ?? step.node)
  const expected = status ?? '2xx'
  return [{ place, path: [...step.path, 'status'], message: unlike.body.trim(), expected, found: unlike.status }]
}

function requestOf(bench: Bench, args: Args<'post'>) {
  const { to, query, signed = true } = args
  const receiver = receiverOf(bench, to)
  const path = receiver?.path ?? to
  const parameters = new URLSearchParams(query as Record<string, string>).toString()
  const url = parameters === '' ? path : `${path}?${parameters}`
  const { type, body } = bodyOf(args)
  const given = Object.entries(args.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)])
  const headers: Record<string, string> = { ...(type && { 'content-type': type }), ...Object.fromEntries(given) }
  const base = bench.config.server.publicUrl ?? PUBLIC_URL
  const outgoing = { method: 'POST', path, address: base + url, headers, body, at: bench.now, id: bench.uuid() }
  const proof = signed && receiver?.verify !== undefined ? proofOf(receiver.verify, outgoing) : {}
  return { method: 'POST' as const, url, headers: { ...proof, ...headers }, body }
}

interface Receiver {
  readonly path: string
  readonly verify?: Static<typeof Verification>
}

function receiverOf({ config }: Bench, to: string): Receiver | undefined {
  const receivers = [...config.connectors.values(), ...config.systems.values()].flatMap(({ name, config: own }) => {
    const receiver = (typeof own.path === 'string' ? own : own.webhook) as Receiver | undefined
    return receiver && typeof receiver === 'object' ? [{ name, ...receiver }] : []
  })
  const found = receivers.find(({ name, path }) => name === to || path === to)
  if (found || to.startsWith('/')) return found
  const names = receivers.map(({ name }) => name)
  const meant = nearest(to, names)
  const hint = meant ? `; is ${meant} meant?` : `; there are ${names.join(', ') || 'none'}`
  throw new SyncError('rejected', 'NO_SUCH_CONNECTOR', `nothing takes requests under the name "${to}"${hint}`)
}

function workspaceOf({ workspaces }: Bench, name: string | undefined): Workspace {
  const names = [...workspaces.keys()]
  const found = name === undefined ? (names.length === 1 ? workspaces.get(names[0]!) : undefined) : workspaces.get(name)
  if (found) return found
  throw new SyncError(
    'rejected',
    'NO_SUCH_SYSTEM',
    `\`in\` must be a Twenty system: ${names.join(', ') || 'there is none'}`,
  )
}

/** The one record that `where` tells. */
function idOf(workspace: Workspace, object: string, { node }: TestStep): string {
  const where = node.kind === 'map' ? node.entries.get('where')! : node
  const found = workspace.rows(object).filter(row => mismatches(where, row, []).length === 0)
  if (found.length === 1) return String((found[0] as Fields).id)
  throw new Error(`${found.length} records of ${object} are as \`where\` says; it must tell one`)
}
