import type { Config } from '../config/config.ts'
import type { MapNode } from '../config/node.ts'
import { type SchemaView, viewOf } from '../config/schema-view.ts'
import type { HttpRequest, HttpResponse } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import type { Activity } from './activity.ts'
import type { ReplyDocument } from './answers-schema.ts'
import { mismatches } from './matches.ts'
import type { AnswerRule, AnswerRules } from './test-file.ts'
import type { Workspace } from './workspace.ts'

/** A request as a test speaks of it. */
export interface Call {
  readonly method: string
  /** Below the address of the system. */
  readonly path: string
  readonly query: Fields
  readonly headers: Fields
  readonly json?: unknown
  readonly form?: Fields
  readonly text: string
}

interface Host {
  readonly name: string
  /** Path of the system's address, without a slash at its end. */
  readonly base: string
}

/** All that is outside, in this process: stand-ins for Twenty, and the answers that a test gives for other systems. */
export class Network {
  readonly #hosts: ReadonlyMap<string, readonly Host[]>
  readonly #workspaces = new Map<string, Workspace>()
  readonly #rules: AnswerRules
  readonly #used = new Map<AnswerRule, number>()
  readonly #calls = new Map<string, Call[]>()
  readonly #activity: Activity
  /** Calls that the test has no answer for. */
  readonly unanswered: { readonly name: string; readonly call: Call }[] = []

  constructor(config: Config, rules: AnswerRules, activity: Activity) {
    this.#hosts = hostsOf(config)
    this.#rules = rules
    this.#activity = activity
  }

  /** Names under which a test may speak of calls. */
  get names(): string[] {
    return [...new Set([...[...this.#hosts.values()].flat().map(({ name }) => name), ...this.#calls.keys()])]
  }

  callsTo(name: string): readonly Call[] {
    return this.#calls.get(name) ?? []
  }

  addWorkspace(url: string, workspace: Workspace): void {
    this.#workspaces.set(new URL(url).origin, workspace)
  }

  async exchange(request: HttpRequest): Promise<HttpResponse> {
    this.#activity.note()
    // As on a real network, no answer comes within the turn of its request.
    await new Promise(resolve => setImmediate(resolve))
    this.#activity.note()
    const url = new URL(request.url)
    const workspace = this.#workspaces.get(url.origin)
    return workspace ? answerOf(workspace, request, url) : this.#answered(request, url)
  }

  #answered(request: HttpRequest, url: URL): HttpResponse {
    const hosts = this.#hosts.get(url.origin) ?? [{ name: url.host, base: '' }]
    const calls = hosts.map(({ name, base }) => ({ name, call: callOf(request, url, base) }))
    for (const { name, call } of calls) {
      const rule = this.#rules.get(name)?.find(each => fits(each.request, call))
      if (rule) return this.#replied(name, call, this.#next(rule))
    }
    const { name, call } = calls[0]!
    this.#keep(name, call)
    this.unanswered.push({ name, call })
    const message = `the test gives no answer of ${name} to ${call.method} ${call.path}`
    throw new SyncError('rejected', 'REQUEST_REFUSED', message)
  }

  #keep(name: string, call: Call): void {
    this.#calls.set(name, [...(this.#calls.get(name) ?? []), call])
  }

  #next(rule: AnswerRule): ReplyDocument {
    const used = this.#used.get(rule) ?? 0
    this.#used.set(rule, used + 1)
    return rule.replies[Math.min(used, rule.replies.length - 1)]!
  }

  #replied(
    name: string,
    call: Call,
    { status = 200, headers = {}, json, text = '', fails }: ReplyDocument,
  ): HttpResponse {
    this.#keep(name, call)
    if (fails) throw failure(fails)
    const isJson = json !== undefined
    return {
      status,
      headers: {
        'content-type': isJson ? 'application/json' : 'text/plain',
        ...Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), String(value)])),
      },
      body: Buffer.from(isJson ? JSON.stringify(json) : text),
    }
  }
}

function failure(kind: NonNullable<ReplyDocument['fails']>): SyncError {
  if (kind === 'refused') return new SyncError('retryable', 'CONNECTION_FAILED', 'refused, as the test says')
  const outcomeUnknown = true
  return kind === 'lost'
    ? new SyncError('retryable', 'CONNECTION_LOST', 'the connection broke, as the test says', { outcomeUnknown })
    : new SyncError('retryable', 'TIMEOUT', 'no answer in time, as the test says', { outcomeUnknown })
}

function hostsOf(config: Config): ReadonlyMap<string, readonly Host[]> {
  const hosts = new Map<string, Host[]>()
  for (const { name, definition, config: own } of [...config.systems.values(), ...config.connectors.values()]) {
    for (const address of addressesIn(own, viewOf(definition.config))) {
      const { origin, pathname } = new URL(address)
      const host = { name, base: pathname.replace(/\/+$/, '') }
      const known = hosts.get(origin) ?? []
      if (!known.some(each => each.name === name)) hosts.set(origin, [...known, host])
    }
  }
  return hosts
}

/** What the schema calls the address of an outside system. */
function addressesIn(config: Fields, { properties = {} }: SchemaView): string[] {
  const urls = Object.keys(properties).filter(key => properties[key]!['x-url'])
  return urls.map(key => config[key]).filter(value => typeof value === 'string' && URL.canParse(value)) as string[]
}

function callOf({ method, body, headers = {} }: HttpRequest, url: URL, base: string): Call {
  const text = body === undefined ? '' : typeof body === 'string' ? body : Buffer.from(body).toString('utf8')
  const named = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]))
  const type = named['content-type'] ?? ''
  const path = url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : url.pathname
  return {
    method,
    path: decodeURI(path),
    query: parametersOf(url.searchParams),
    headers: named,
    ...(type.includes('json') && text !== '' && { json: JSON.parse(text) }),
    ...(type.includes('form-urlencoded') && { form: parametersOf(new URLSearchParams(text)) }),
    text,
  }
}

function parametersOf(parameters: URLSearchParams): Fields {
  return Object.fromEntries(
    [...new Set(parameters.keys())].map(name => {
      const values = parameters.getAll(name)
      return [name, values.length === 1 ? values[0] : values]
    }),
  )
}

function fits(request: MapNode, call: Call): boolean {
  return mismatches(request, call, []).length === 0
}

function answerOf(workspace: Workspace, { method, headers = {}, body }: HttpRequest, url: URL): HttpResponse {
  const answer = workspace.handle({
    method,
    url: url.pathname + url.search,
    headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value])),
    ...(body !== undefined && { body: typeof body === 'string' ? body : Buffer.from(body).toString('utf8') }),
  })
  const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
  return {
    status: answer.status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...answer.headers },
    body: Buffer.from(text),
  }
}
