import { type Static, type TSchema, type TString, type TUnsafe, Type } from '@sinclair/typebox'
import type { Connector } from '../connectors/connector.ts'
import type { Environment } from '../environment.ts'
import type { Fields } from '../event.ts'
import type { Processor, Scope } from '../processors/processor.ts'
import type { Reads } from '../shape.ts'
import type { ActionSpec, Sink } from '../sinks/sink.ts'
import type { Coordinator } from '../state/coordinator.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Peer } from '../sync/peer.ts'
import type { Tasks } from '../sync/tasks.ts'

/**
 * How a component describes itself. One object per component; validation, `config/schema.json`, the reference pages,
 * redaction and the compiled expressions all come out of it.
 */

export interface FieldOptions {
  readonly description: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
}

export interface ExprOptions extends FieldOptions {
  readonly result?: 'any' | 'boolean' | 'string' | 'list'
  /** The only names it sees, for a component that evaluates it itself; absent: those of a step. */
  readonly scope?: readonly string[]
}

/** CEL; the runtime evaluates it and hands over the value. `result` is checked when the config is loaded. */
export function Expr(options: ExprOptions): TString {
  const { result = 'any', scope, ...rest } = options
  return Type.String({
    minLength: 1,
    'x-expression': result,
    ...(scope && { 'x-expression-scope': [...scope] }),
    ...mutable(rest),
  })
}

/** A value, list or map of any depth in which every string is CEL and everything else is literal. */
export function ExprTree(options: FieldOptions): TUnsafe<unknown> {
  return Type.Unsafe<unknown>({ 'x-expression-tree': true, ...mutable(options) })
}

export interface ExprMapOptions extends FieldOptions {
  /** What an empty optional gives: its entry is left out by default, or is null where leaving it out would say something else. */
  readonly absent?: 'null'
}

/** A map like ExprTree's. */
export function ExprMap({ absent, ...options }: ExprMapOptions): TUnsafe<Record<string, unknown>> {
  return Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    'x-expression-tree': true,
    ...(absent && { 'x-expression-absent': absent }),
    ...mutable(options),
  })
}

/** P9: only ever `${ENV}` or `${file:…}`; written out literally it is a config error, and its value is redacted in logs. */
export function Secret(options: FieldOptions): TString {
  return Type.String({ minLength: 1, 'x-secret': true, ...mutable(options) })
}

export const DURATION = '^\\d+(ms|s|m|h|d)$'

/** `250ms`, `30s`, `5m`, `24h`, `30d`. Read with `durationMs`. */
export function Duration(options: FieldOptions): TString {
  return Type.String({ pattern: DURATION, ...mutable(options) })
}

/** When what waits is over: so long after its first, or at times of a clock. @param ends what happens then, by key. */
export function WindowKeys(ends: { readonly every: FieldOptions; readonly cron: FieldOptions }) {
  return {
    every: Type.Optional(Duration(ends.every)),
    cron: Type.Optional(Type.String({ minLength: 1, ...mutable(ends.cron) })),
    timeZone: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The clock by which `cron` goes. Default: UTC.',
        examples: ['Europe/Berlin'],
      }),
    ),
  }
}

/** `64KiB`, `5MiB`. Read with `bytesOf`. */
export function Bytes(options: FieldOptions): TString {
  return Type.String({ pattern: '^\\d+(B|KiB|MiB|GiB)$', ...mutable(options) })
}

/** A path relative to the config file that names it; the loader makes it absolute and checks that it exists. */
export function File(options: FieldOptions): TString {
  return Type.String({ minLength: 1, 'x-file': true, ...mutable(options) })
}

/**
 * A URL of an outside system: without TLS only to loopback, unless the system says `insecure: true`; no secret in its query.
 * `secret`: whoever knows the URL may use it, so that all of it is a secret.
 */
export function Url({ secret, ...options }: FieldOptions & { readonly secret?: true }): TString {
  return Type.String({ minLength: 1, 'x-url': true, ...(secret && { 'x-secret': true }), ...mutable(options) })
}

function mutable(options: FieldOptions): Record<string, unknown> {
  return { ...options }
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const UNIT_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** Milliseconds of a validated duration. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text)!
  return Number(count) * UNIT_MS[unit!]!
}

/** Of a config that may have faults: undefined for what is no duration, which was said where it stands. */
export function durationIn(value: unknown): number | undefined {
  return typeof value === 'string' && new RegExp(DURATION).test(value) ? durationMs(value) : undefined
}

/** Bytes of a validated size. */
export function bytesOf(text: string): number {
  const [, count, unit] = /^(\d+)(B|KiB|MiB|GiB)$/.exec(text)!
  return Number(count) * UNIT_BYTES[unit!]!
}

/** A compiled CEL expression. */
export interface Expression {
  readonly source: string
  /** Names of the scope that it reads. */
  readonly names: readonly string[]
  /** JS values out: numbers, never BigInt. undefined is an empty optional. @throws SyncError rejected `MISSING_FIELD` or `EXPRESSION_FAILED`. */
  evaluate(scope: Scope): unknown
}

/** A compiled tree of CEL texts. */
export interface ExpressionTree {
  /** Names of the scope that its expressions read. */
  readonly names: readonly string[]
  /** The tree with every string replaced by its value; an empty optional leaves its entry or element out. */
  evaluate(scope: Scope): unknown
}

export interface Example {
  readonly title: string
  /** YAML as it stands under the component's key. Validated in CI. */
  readonly yaml: string
}

interface Definition<S extends TSchema> {
  /** Equals the file's name. */
  readonly type: string
  /** One sentence for lists and reference pages. */
  readonly summary: string
  /** An object schema; every property has a description. */
  readonly config: S
  readonly examples: readonly Example[]
  /** What is wrong with a config although it fits the schema: a JSON Schema that is none, for example. */
  check?(config: Static<S>): readonly ConfigFault[]
}

/** Found by a component in its own config when it is loaded. */
export interface ConfigFault {
  /** Within the component's config. */
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly suggestion?: string
}

interface BuildContext {
  /** Name of the system, connector or step (`<flow>.<step id>`) in the config. */
  readonly name: string
  readonly env: Environment
  /** Compiles what `Expr` marks, for components that evaluate it themselves. The text was checked when the config was loaded. */
  compile(source: string): Expression
}

export interface SystemContext extends BuildContext {
  readonly state: StateStore
  readonly coordinator: Coordinator
}

export interface SinkContext extends SystemContext {
  /** What the definition's `client` returned for this system. */
  readonly client: unknown
}

export interface ConnectorContext extends SystemContext {
  /** The system's client, for a connector that a system brings along. */
  readonly client: unknown
  /** Objects that flows of this config read from this connector. */
  readonly objects: readonly string[]
  /** `server.publicUrl`: where the world reaches `/hooks`. */
  readonly publicUrl?: string
}

export interface StepContext extends BuildContext {
  readonly flow: string
  /** Compiles what `ExprTree` or `ExprMap` marks: every string in it is CEL. */
  compileTree(tree: unknown): ExpressionTree
}

export interface ConnectorDefinition<S extends TSchema = TSchema> extends Definition<S> {
  /** Brought along by every system of this type, under the system's name; then `config` is the system's own. */
  readonly system?: string
  /** Objects that it gives, where the config alone tells; absent: only the system knows. */
  objects?(config: Static<S>): readonly string[]
  create(config: Static<S>, context: ConnectorContext): Connector
}

export interface ProcessorDefinition<S extends TSchema = TSchema> extends Definition<S> {
  /** It has a result, which `as` must name; an example of such a name. */
  readonly gives?: string
  /** It remembers something about an event or from one event to the next. */
  readonly remembers?: true
  /** Names that its result adds to the scope, so that later expressions are checked against them. */
  adds?(config: Static<S>): readonly string[]
  create(config: Static<S>, context: StepContext): Processor
}

export interface ActionDefinition<S extends TSchema = TSchema> extends ActionSpec {
  readonly summary: string
  /** Schema of the step without the common keys (`in`, `when`, `as`, `id`, `key`, `onUnknown`). */
  readonly config: S
  readonly examples: readonly Example[]
  /** Values of keys that are left out, where they depend on what the flow reads: types of its connectors. */
  defaults?(config: Static<S>, sources: readonly string[]): Fields
  /**
   * As of a component; expressions are text here.
   * @param names what the step's expressions see; undefined when an earlier step could not be understood.
   */
  check?(config: Static<S>, names: readonly string[] | undefined): readonly ConfigFault[]
  /** What its texts in a language of their own read of the step's scope. Does not throw. */
  reads?(config: Static<S>): readonly TextReads[]
}

export interface TextReads extends Reads {
  /** Of the text, within the step's config. */
  readonly path: readonly (string | number)[]
}

/** A flow that nobody writes: an object of the system's own connector goes through one of its actions. */
export interface BroughtFlow {
  /** Called `<system>-<name>`. */
  readonly name: string
  readonly object: string
  /** Of this system; takes no config. */
  readonly action: string
}

export interface PeerContext extends SinkContext {
  /** The object that the sync names. */
  readonly object: string
}

export interface SinkDefinition<S extends TSchema = TSchema> extends Definition<S> {
  /** `config` is that of the system: url, credentials, limits. Keys of `actions` are the verbs of steps. */
  readonly actions: Readonly<Record<string, ActionDefinition>>
  /** Flows that come along with uses of its actions: what these put off is done there. */
  flows?(uses: readonly { readonly action: string; readonly config: Fields }[]): readonly BroughtFlow[]
  /** Made once per system, shared by its sink and its connector. */
  client?(config: Static<S>, context: SystemContext): unknown
  create(config: Static<S>, context: SinkContext): Sink
  /** Present: the system can be a side of a two-way sync. */
  peer?(config: Static<S>, context: PeerContext): Peer
  /** Present: the system has tasks by which syncs can ask people. */
  tasks?(config: Static<S>, context: SinkContext): Tasks
}

/** Identity functions: they give the types, and a word to search for. */
export function defineConnector<S extends TSchema>(definition: ConnectorDefinition<S>): ConnectorDefinition<S> {
  return definition
}
export function defineProcessor<S extends TSchema>(definition: ProcessorDefinition<S>): ProcessorDefinition<S> {
  return definition
}
export function defineSink<S extends TSchema>(definition: SinkDefinition<S>): SinkDefinition<S> {
  return definition
}

/** Every component by its type. `src/registry.ts` is generated from the folders. */
export interface Registry {
  readonly connectors: Readonly<Record<string, ConnectorDefinition>>
  readonly processors: Readonly<Record<string, ProcessorDefinition>>
  readonly sinks: Readonly<Record<string, SinkDefinition>>
}
