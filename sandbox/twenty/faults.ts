import { own } from './own.ts'

/** Which requests a fault may hit. `/sandbox/*` and `/healthz` are never hit. */
export type FaultScope = 'all' | 'reads' | 'writes'

export interface HttpFaults {
  /** The next n requests are answered with `failStatus` before anything is applied. */
  failNext: number
  failStatus: number
  /** Share of requests, 0 to 1, answered with `errorStatus` before anything is applied. */
  errorRate: number
  errorStatus: number
  /** Sent with the failures above when set. */
  retryAfterSeconds: number | null
  /** Every answer is held back for this long, plus up to `jitterMs`. */
  delayMs: number
  jitterMs: number
  /** The next n requests are applied, then their connection is dropped without an answer. */
  loseAnswerNext: number
  loseAnswerRate: number
  /** The next n connections are dropped before anything is applied. */
  resetNext: number
  resetRate: number
  /** The next n batch writes stop after `failBatchAfterRows` rows, which stay applied, and answer 500. */
  failBatchNext: number
  failBatchAfterRows: number
  /** Every token is refused with 401. */
  unauthorized: boolean
  /** Objects (plural names) that the key's role may not touch: 400 with `PERMISSION_DENIED`. */
  deniedObjects: string[]
  /** The key's role lacks data-model rights: 403 on the metadata endpoints. */
  metadataForbidden: boolean
  /** Which requests the faults of this group may hit. */
  scope: FaultScope
}

export interface WebhookFaults {
  /** Share of deliveries, 0 to 1, that never leave. */
  dropRate: number
  /** The next n deliveries never leave. */
  dropNext: number
  /** Each delivery is held back for this long, plus up to `jitterMs`. */
  delayMs: number
  jitterMs: number
  /** Deliveries are collected for this long, then sent one by one in reversed order. 0 switches it off. */
  reorderWithinMs: number
  /** Each delivery is sent this many times more. */
  duplicates: number
  /** Share of deliveries, 0 to 1, that are sent once more. */
  duplicateRate: number
  /** Deliveries over this number in a minute are dropped for good; null is no limit. */
  capPerMinute: number | null
  /** Added to the timestamp header, so that it is too old or in the future. */
  timestampSkewMs: number
  /** The signature is made with another secret. */
  wrongSignature: boolean
  /** Targets with a loopback or private address are refused, as a server does whose allow list is empty. */
  refusePrivateTargets: boolean
}

export interface RateLimitFaults {
  enabled: boolean
  /** `current`: 429 with headers. `plain`: 429 with a message only. `badRequest`: 400 with the same message. */
  style: 'current' | 'plain' | 'badRequest'
  shortLimit: number
  shortWindowMs: number
  longLimit: number
  longWindowMs: number
}

export interface ClockFaults {
  /** The server's clock against the true one: `updatedAt`, webhook times and the Date header. */
  skewMs: number
  /** On top of `skewMs`, for the Date header alone. */
  dateHeaderSkewMs: number
  /** Timestamps are cut to multiples of this; 1 is none. Coarse ones may repeat for one row. */
  granularityMs: number
}

/** How the served version behaves where versions differ. The defaults are 2.43. */
export interface Versions {
  /** Do soft-deleted rows hold their unique values? */
  softDeletedRowsAreUnique: boolean
  /** A many-to-one change lists `company` and `companyId` (newer), or only `companyId`. */
  updatedFieldsNameRelations: boolean
  /** A domain becomes a bare host, or stays a URL with a lower-case origin (older). */
  domainAs: 'host' | 'url'
  /** Omitted sub-fields of LINKS: nulled (2.43), kept (newer), or nulled for every composite (worst case). */
  partialComposites: 'links' | 'keep' | 'all'
  /** Empty text is stored as null (newer) or as ''. */
  emptyTextAs: 'null' | 'empty'
  /** amountMicros, latitude and longitude in answers. */
  numericAs: 'number' | 'string'
  /** Depth of relations in REST answers when not asked for. */
  defaultDepth: 0 | 1
  allowDepth2: boolean
  /** Issue 20109: paging with order_by repeats the boundary row and refuses nested order fields. */
  orderByCursorBug: boolean
  /** A write that changes nothing moves updatedAt all the same; still no event. */
  noopTouchesUpdatedAt: boolean
  /** updatedBy exists (newer servers). Older ones only have createdBy. */
  stampsUpdatedBy: boolean
  /** A soft delete stamps updatedBy too (newer). */
  stampsUpdatedByOnSoftDelete: boolean
  /** Envelope of the REST metadata API: `{data:{objects}}` or the newer `{data:[...]}`. */
  metadataFormat: 'legacy' | 'direct'
  /** Lists of views and of what belongs to them: pages, or the older bare array. */
  viewLists: 'pages' | 'bare'
  destroyKey: 'delete' | 'destroy'
  mergeKey: 'plural' | 'singular'
  groupByFormat: 'enveloped' | 'array'
  missingTokenStatus: 401 | 403
  /** Rows of an upsert's answer: the updated ones, then the inserted ones; or, as in no version read, as given. */
  upsertAnswerOrder: 'updatedFirst' | 'input'
  /** Events for rows that change because a related row was destroyed. */
  cascadeEvents: boolean
  /** `searchVector` inside webhook records. */
  searchVectorInRecord: boolean
  /** A workflowRun update reaches only an exact subscription (newer). */
  workflowRunNeedsExactSubscription: boolean
  /** A throttled GraphQL call is HTTP 429, or 200 with an error. */
  throttledGraphqlStatus: 429 | 200
}

/** Live switches: change a value and the next request or delivery sees it. */
export interface Faults {
  http: HttpFaults
  webhooks: WebhookFaults
  rateLimit: RateLimitFaults
  clock: ClockFaults
  versions: Versions
}

export function defaultFaults(): Faults {
  return {
    http: {
      failNext: 0,
      failStatus: 500,
      errorRate: 0,
      errorStatus: 500,
      retryAfterSeconds: null,
      delayMs: 0,
      jitterMs: 0,
      loseAnswerNext: 0,
      loseAnswerRate: 0,
      resetNext: 0,
      resetRate: 0,
      failBatchNext: 0,
      failBatchAfterRows: 1,
      unauthorized: false,
      deniedObjects: [],
      metadataForbidden: false,
      scope: 'all',
    },
    webhooks: {
      dropRate: 0,
      dropNext: 0,
      delayMs: 0,
      jitterMs: 0,
      reorderWithinMs: 0,
      duplicates: 0,
      duplicateRate: 0,
      capPerMinute: null,
      timestampSkewMs: 0,
      wrongSignature: false,
      refusePrivateTargets: false,
    },
    rateLimit: {
      enabled: true,
      style: 'current',
      shortLimit: 100,
      shortWindowMs: 1_000,
      longLimit: 100,
      longWindowMs: 60_000,
    },
    clock: { skewMs: 0, dateHeaderSkewMs: 0, granularityMs: 1 },
    versions: {
      softDeletedRowsAreUnique: true,
      updatedFieldsNameRelations: true,
      domainAs: 'host',
      partialComposites: 'links',
      emptyTextAs: 'null',
      numericAs: 'number',
      defaultDepth: 1,
      allowDepth2: false,
      orderByCursorBug: false,
      noopTouchesUpdatedAt: false,
      stampsUpdatedBy: true,
      stampsUpdatedByOnSoftDelete: false,
      metadataFormat: 'legacy',
      viewLists: 'pages',
      destroyKey: 'delete',
      mergeKey: 'plural',
      groupByFormat: 'enveloped',
      missingTokenStatus: 401,
      upsertAnswerOrder: 'updatedFirst',
      cascadeEvents: false,
      searchVectorInRecord: false,
      workflowRunNeedsExactSubscription: true,
      throttledGraphqlStatus: 429,
    },
  }
}

export type FaultsPatch = { readonly [group in keyof Faults]?: Partial<Faults[group]> }

/**
 * Changes only the named switches.
 * @throws Error naming a group or switch that does not exist, or a value of another kind than the default's.
 */
export function patchFaults(faults: Faults, patch: unknown): void {
  const groups = faults as unknown as Record<string, Record<string, unknown>>
  const defaults = defaultFaults() as unknown as Record<string, Record<string, unknown>>
  const changes: [Record<string, unknown>, string, unknown][] = []
  for (const [group, values] of entries(patch, 'faults')) {
    const known = own(defaults, group)
    if (!known) throw new Error(`no fault group '${group}'; there are ${Object.keys(defaults).join(', ')}`)
    for (const [name, value] of entries(values, group)) {
      if (!Object.hasOwn(known, name))
        throw new Error(`no fault '${group}.${name}'; there are ${Object.keys(known).join(', ')}`)
      if (kindOf(value) !== kindOf(known[name]) && known[name] !== null && value !== null)
        throw new Error(`fault '${group}.${name}' takes a ${kindOf(known[name])}`)
      changes.push([groups[group]!, name, value])
    }
  }
  for (const [group, name, value] of changes) group[name] = value
}

function entries(value: unknown, name: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`'${name}' is not an object`)
  return Object.entries(value)
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : typeof value
}
