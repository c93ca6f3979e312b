import type { Fields } from '../event.ts'
import type { StartPosition } from '../log/event-log.ts'
import type { ConnectorDefinition, ProcessorDefinition, SinkDefinition } from './definition.ts'

/** Keys and indexes from the root of the config: `['flows', 'leads', 'steps', 2, 'upsert', 'object']`. */
export type ConfigPath = readonly (string | number)[]

/** One thing wrong in the config, with all that is needed to mend it. */
export interface Problem {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly column: number
  /** `flows.leads.steps[2].upsert.object` */
  readonly path: string
  /** Stable name of the rule: `unknown-key`, `type`, `missing`, `expression`, `literal-secret`, `insecure-url`, `unknown-field`. */
  readonly rule: string
  readonly message: string
  /** What would be right. */
  readonly suggestion?: string
}

/** Thrown by the loader with every problem at once. Exit code 2. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(
      problems
        .map(problem => `${problem.file}:${problem.line}:${problem.column} ${problem.path}: ${problem.message}`)
        .join('\n'),
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** A CEL text that sees `event` and `data`, and where it stands. */
export interface ConfigExpression {
  readonly path: ConfigPath
  readonly source: string
}

export interface SystemConfig {
  readonly name: string
  readonly definition: SinkDefinition
  /** Validated, defaults filled, references resolved. */
  readonly config: Fields
}

export interface ConnectorConfig {
  readonly name: string
  readonly definition: ConnectorDefinition
  readonly config: Fields
  /** The system that brings it along, when one does. */
  readonly system?: string
  /** Objects that flows read from it. */
  readonly objects: readonly string[]
}

/** A step of a flow. `config` has the component's own keys only. */
export interface StepConfig {
  /** Explicit, or `<verb>-<object>`; unique in the flow. Part of effect keys: never a position. */
  readonly id: string
  readonly verb: string
  readonly path: ConfigPath
  readonly config: Fields
  /** CEL to boolean; false skips this step only. */
  readonly when?: string
  /** Name of the result in the scope. */
  readonly as?: string
  readonly use:
    | { readonly kind: 'processor'; readonly definition: ProcessorDefinition }
    | {
        readonly kind: 'action'
        readonly system: string
        readonly key?: string
        readonly onUnknown: 'hold' | 'repeat'
        readonly caps?: { readonly perRecord?: number; readonly perDay?: number }
      }
    | {
        readonly kind: 'each'
        /** CEL to a list, or an action that is read page by page. */
        readonly over: string | StepConfig
        /** Name of the item in the scope of `do`. */
        readonly item: string
        /** CEL to text; part of the effect keys inside. Default: the item's index. */
        readonly key?: string
        /** The name holds a list of up to so many items. */
        readonly batch?: number
        readonly concurrency: number
        readonly onFailure: 'stop' | 'next'
        readonly do: readonly StepConfig[]
      }
    | { readonly kind: 'choose'; readonly branches: readonly ChooseBranch[] }
}

/** Of `choose`: the first whose `when` is true, or that has none, runs. */
export interface ChooseBranch {
  /** CEL to boolean. */
  readonly when?: string
  readonly do: readonly StepConfig[]
}

/** The steps and those inside of them, in the order in which they are written. */
export function allSteps(steps: readonly StepConfig[]): StepConfig[] {
  return steps.flatMap(step => [step, ...allSteps(innerSteps(step))])
}

function innerSteps({ use }: StepConfig): readonly StepConfig[] {
  if (use.kind === 'each') return typeof use.over === 'string' ? use.do : [use.over, ...use.do]
  return use.kind === 'choose' ? use.branches.flatMap(branch => branch.do) : []
}

/** Of a connector; or what another flow gave up on. */
export type FlowSource =
  | { readonly connector: string; readonly object: string; readonly action?: string }
  | { readonly deadLettersOf: string }

/** Events of a flow wait for the end of a window; of each record, or whatever `by` gives, the latest. */
export type CollectConfig = { readonly max: number; readonly by?: string } & (
  | { readonly everyMs: number }
  | { readonly cron: string; readonly timeZone?: string }
)

export interface FlowConfig {
  readonly name: string
  /** Earlier name: keeps group, offsets and keys. */
  readonly formerly?: string
  readonly from: readonly FlowSource[]
  readonly start: StartPosition
  /** Records processed side by side. */
  readonly concurrency: number
  readonly collect?: CollectConfig
  /** How long done marks and effect keys stay, in ms. Default 35 days. */
  readonly rememberMs: number
  readonly steps: readonly StepConfig[]
}

export type SideName = 'left' | 'right'

export type SyncPolicy =
  | { readonly kind: 'latest' }
  | { readonly kind: 'prefer'; readonly side: SideName }
  | { readonly kind: 'prefer-unless-blank'; readonly side: SideName }
  | { readonly kind: 'union' }
  | { readonly kind: 'ask' }

export interface SyncFieldConfig {
  /** Unique in the sync; part of state and reports. Default: the left path. */
  readonly name: string
  readonly left: string
  readonly right: string
  /** `both`, or the side that alone receives. */
  readonly direction: 'both' | 'to-left' | 'to-right'
  readonly policy: SyncPolicy
  /** What decides where `latest` finds both changes within the skew tolerance. Default `ask`. */
  readonly tie: Exclude<SyncPolicy, { kind: 'latest' }>
  /** Left value to right value, one to one. Values not listed are an error of the record. */
  readonly values?: readonly (readonly [left: unknown, right: unknown])[]
  /** CEL over `value` (and `record` of the side that it comes from). */
  readonly toLeft?: string
  readonly toRight?: string
  readonly normalise?: MatchNormaliser
}

export type MatchNormaliser = 'exact' | 'text' | 'email' | 'domain' | 'phone'

export interface SyncSideConfig {
  readonly system: string
  readonly object: string
  /** CEL to boolean over `data`: which records take part. */
  readonly where?: string
  /** Whether records that only the other side has are created here. */
  readonly create: boolean
  /** What becomes of this side's record when the other side's is deleted. */
  readonly deletes: 'hold' | 'propagate' | 'ignore'
  /** Native fields that receive the sync's state and time. */
  readonly stateField?: string
  readonly syncedAtField?: string
}

/** A two-way sync between one object of each of two systems. */
export interface SyncConfig {
  readonly name: string
  readonly formerly?: string
  readonly left: SyncSideConfig
  readonly right: SyncSideConfig
  /** In order; a pair matches by the first key that both have. */
  readonly match: readonly { readonly left: string; readonly right: string; readonly normalise: MatchNormaliser }[]
  readonly fields: readonly SyncFieldConfig[]
  /** Two changes closer than this are simultaneous. At least the coarser side's granularity. */
  readonly skewToleranceMs: number
  /** Per hour, or for one reconcile run; more is held for a person. */
  readonly guard: { readonly creates: number; readonly updates: number; readonly deletes: number }
  /** Where questions are asked: a Twenty system. Absent: no side is one, so `conflicts` and the CLI alone. */
  readonly tasks?: { readonly system: string; readonly assignee?: string; readonly most: number }
  /** Complete comparison: cron-free interval; absent: by hand only. */
  readonly reconcileEveryMs?: number
}

export interface SaslConfig {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface TlsConfig {
  /** PEM text. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized?: boolean
}

export type LogConfig = {
  /** First part of every topic and group name. Default `twenty-sync`. */
  readonly prefix: string
  readonly retentionMs: number
} & (
  | { readonly type: 'memory' }
  | { readonly type: 'embedded'; readonly folder: string; readonly maxBytes?: number }
  | {
      readonly type: 'kafka'
      readonly brokers: readonly string[]
      readonly clientId: string
      readonly partitions: number
      readonly replication: number
      readonly minInsyncReplicas?: number
      readonly tls?: TlsConfig | true
      readonly sasl?: SaslConfig
      readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
      readonly registry?: { readonly url: string; readonly username?: string; readonly password?: string }
    }
)

export type StateConfig =
  | { readonly type: 'memory' }
  /** In the log's own file; only beside the embedded log. */
  | { readonly type: 'embedded' }
  | {
      readonly type: 'redis'
      /** `redis://` or `rediss://`; several nodes make it a Cluster client. */
      readonly urls: readonly string[]
      readonly cluster: boolean
      readonly prefix: string
      readonly tls?: TlsConfig
    }

export interface ServerConfig {
  /** Default 127.0.0.1. */
  readonly host: string
  /** Default 8080; 0 takes a free one. */
  readonly port: number
  /** Where the world reaches `/hooks`; needed to register webhooks. */
  readonly publicUrl?: string
}

/** A whole, valid config. Only `loadConfig` makes one. */
export interface Config {
  readonly files: readonly string[]
  readonly systems: ReadonlyMap<string, SystemConfig>
  readonly connectors: ReadonlyMap<string, ConnectorConfig>
  readonly flows: ReadonlyMap<string, FlowConfig>
  readonly syncs: ReadonlyMap<string, SyncConfig>
  readonly log: LogConfig
  readonly state: StateConfig
  readonly server: ServerConfig
  readonly expressions: readonly ConfigExpression[]
  /** Domains of free-mail providers, besides those that `isFreeMail()` knows. */
  readonly freeMail: readonly string[]
  /** Resolved secrets, for redaction by value. */
  readonly secrets: readonly string[]
  /** Said at start-up: every `insecure: true`, for example. */
  readonly warnings: readonly string[]
  /** Of the resolved content without secrets; tells one config from another in dead letters and plans. */
  readonly hash: string
  /** Makes a problem at a path, with file and line. @param offset of the character in the text that stands there. */
  problemAt(path: ConfigPath, rule: string, message: string, suggestion?: string, offset?: number): Problem
}
