import { type Static, type TObject, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { SyncError } from '../errors.ts'
import type { DaemonOperations } from '../runtime/operations.ts'
import { CONFLICT_KINDS } from '../sync/conflict.ts'
import { LINK_STATES } from '../sync/link-state.ts'

type Run = (
  operations: DaemonOperations,
  query: unknown,
  signal: AbortSignal,
) => Promise<unknown> | AsyncIterable<unknown>

export interface ControlCall {
  /** One value, or one after the other until the operation ends or the caller goes away. */
  readonly answer: 'value' | 'stream'
  /** @throws SyncError rejected `BAD_QUERY`. */
  readonly run: Run
}

const Position = Type.Union([
  Type.Literal('now'),
  Type.Literal('earliest'),
  Type.Object({ time: Type.Number() }, { additionalProperties: false }),
  Type.Object({ offsets: Type.Record(Type.String(), Type.Integer({ minimum: 0 })) }, { additionalProperties: false }),
])
const Text = Type.String({ minLength: 1 })
const AnyFields = Type.Record(Type.String(), Type.Unknown())
const Place = { connector: Text, object: Type.Optional(Text), action: Type.Optional(Text) }
const Limit = Type.Integer({ minimum: 1 })
const Letters = Type.Object(
  {
    flow: Type.Optional(Text),
    ids: Type.Optional(Type.Array(Text)),
    all: Type.Optional(Type.Boolean()),
    code: Type.Optional(Text),
  },
  { additionalProperties: false },
)
const Flow = Type.Object({ flow: Text }, { additionalProperties: false })
const Nothing = Type.Object({}, { additionalProperties: false })

const Count = Type.Optional(Type.Integer({ minimum: 0 }))
const RecordOf = Type.Object({ system: Text, object: Text, id: Text }, { additionalProperties: false })
const Kind = Type.Union(CONFLICT_KINDS.map(kind => Type.Literal(kind)))
const DecisionOf = Type.Union([
  Type.Object(
    { kind: Type.Literal('take'), side: Text, fields: Type.Optional(Type.Array(Text)) },
    { additionalProperties: false },
  ),
  Type.Object({ kind: Type.Literal('pair'), record: Text }, { additionalProperties: false }),
  Type.Object(
    {
      kind: Type.Union(
        (['delete', 'recreate', 'unlink', 'relink', 'apart', 'retry'] as const).map(kind => Type.Literal(kind)),
      ),
    },
    { additionalProperties: false },
  ),
])

/** What can be asked over the control port: every operation, under its own name. */
export const CONTROL_CALLS: Readonly<Record<keyof DaemonOperations, ControlCall>> = {
  reload: value(Nothing, operations => operations.reload()),
  pollNow: value(Type.Object({ connector: Text }, { additionalProperties: false }), (operations, query) =>
    operations.pollNow(query),
  ),
  status: value(Nothing, operations => operations.status()),
  topics: value(Nothing, operations => operations.topics()),
  listEvents: value(
    Type.Object(
      {
        topic: Type.Optional(Text),
        limit: Type.Optional(Limit),
        from: Type.Optional(Position),
        where: Type.Optional(Text),
      },
      { additionalProperties: false },
    ),
    (operations, query) => operations.listEvents(query),
  ),
  showEvent: value(Type.Object({ id: Text }, { additionalProperties: false }), (operations, query) =>
    operations.showEvent(query),
  ),
  tailEvents: stream(
    Type.Object({ topic: Type.Optional(Text), where: Type.Optional(Text) }, { additionalProperties: false }),
    (operations, query, signal) => operations.tailEvents(query, signal),
  ),
  pauseFlow: value(Flow, (operations, query) => operations.pauseFlow(query)),
  resumeFlow: value(Flow, (operations, query) => operations.resumeFlow(query)),
  listDeadLetters: value(
    Type.Object(
      { flow: Type.Optional(Text), limit: Type.Optional(Limit), all: Type.Optional(Type.Boolean()) },
      { additionalProperties: false },
    ),
    (operations, query) => operations.listDeadLetters(query),
  ),
  redriveDeadLetters: value(
    Type.Object({ ...Letters.properties, set: Type.Optional(AnyFields) }, { additionalProperties: false }),
    (operations, query) => operations.redriveDeadLetters(query),
  ),
  discardDeadLetters: value(Letters, (operations, query) => operations.discardDeadLetters(query)),
  trigger: value(
    Type.Object({ ...Place, id: Type.Optional(Text), data: Type.Optional(AnyFields) }, { additionalProperties: false }),
    (operations, query) => operations.trigger(query),
  ),
  triggerList: value(
    Type.Object(
      {
        ...Place,
        run: Type.Optional(Text),
        from: Type.Optional(Type.Integer({ minimum: 0 })),
        parameters: Type.Optional(AnyFields),
        records: Type.Optional(Type.Array(AnyFields)),
      },
      { additionalProperties: false },
    ),
    (operations, query) => operations.triggerList(query),
  ),
  triggerReport: value(
    Type.Object({ connector: Text, object: Type.Optional(Text), run: Text }, { additionalProperties: false }),
    (operations, query) => operations.triggerReport(query),
  ),
  replay: stream(
    Type.Object(
      {
        flow: Text,
        from: Position,
        to: Type.Optional(Position),
        where: Type.Optional(Text),
        dryRun: Type.Optional(Type.Boolean()),
        effects: Type.Optional(Type.Union([Type.Literal('safe'), Type.Literal('all')])),
        perSecond: Type.Optional(Type.Number({ minimum: 0 })),
      },
      { additionalProperties: false },
    ),
    (operations, query, signal) => operations.replay(query, signal),
  ),
  listConflicts: value(
    Type.Object({ sync: Type.Optional(Text), kind: Type.Optional(Kind) }, { additionalProperties: false }),
    (operations, query) => operations.listConflicts(query),
  ),
  listLinks: stream(
    Type.Object(
      {
        sync: Type.Optional(Text),
        record: Type.Optional(Text),
        state: Type.Optional(Type.Union(LINK_STATES.map(state => Type.Literal(state)))),
        all: Type.Optional(Type.Boolean()),
        limit: Type.Optional(Limit),
      },
      { additionalProperties: false },
    ),
    (operations, query, signal) => operations.listLinks(query, signal),
  ),
  showLink: value(
    Type.Object(
      { id: Text, sync: Type.Optional(Text), system: Type.Optional(Text), object: Type.Optional(Text) },
      { additionalProperties: false },
    ),
    (operations, query) => operations.showLink(query),
  ),
  resolveConflict: value(
    Type.Object(
      { id: Text, sync: Type.Optional(Text), by: Type.Optional(Text), decision: DecisionOf },
      { additionalProperties: false },
    ),
    (operations, query) => operations.resolveConflict(query),
  ),
  passGuard: value(
    Type.Object({ sync: Text, creates: Count, updates: Count, deletes: Count }, { additionalProperties: false }),
    (operations, query) => operations.passGuard(query),
  ),
  reconcile: stream(
    Type.Object(
      { sync: Text, dryRun: Type.Optional(Type.Boolean()), apply: Type.Optional(Type.Boolean()) },
      { additionalProperties: false },
    ),
    (operations, query, signal) => operations.reconcile(query, signal),
  ),
  why: value(RecordOf, (operations, query) => operations.why(query)),
  whyNot: value(RecordOf, (operations, query) => operations.whyNot(query)),
}

function value<S extends TObject>(
  schema: S,
  run: (operations: DaemonOperations, query: Static<S>) => Promise<unknown>,
): ControlCall {
  return { answer: 'value', run: (operations, query) => run(operations, checked(schema, query)) }
}

function stream<S extends TObject>(
  schema: S,
  run: (operations: DaemonOperations, query: Static<S>, signal: AbortSignal) => AsyncIterable<unknown>,
): ControlCall {
  return { answer: 'stream', run: (operations, query, signal) => run(operations, checked(schema, query), signal) }
}

function checked<S extends TObject>(schema: S, query: unknown): Static<S> {
  if (Value.Check(schema, query)) return query
  const [first] = Value.Errors(schema, query)
  const place = first?.path ? ` at ${first.path}` : ''
  throw new SyncError('rejected', 'BAD_QUERY', `the control call has a wrong argument${place}: ${first?.message}`)
}
