import { badRequest, DuplicateError, TwentyError } from '../errors.ts'
import { own } from '../own.ts'
import { type Document, type FieldNode, type Operation, parseGraphql, type Selection, type Value } from './parse.ts'

export type Args = Readonly<Record<string, unknown>>

/** Answers one root field; gets the fields selected below it. */
export type Resolver = (args: Args, selected: readonly SelectedField[]) => unknown

export interface SelectedField {
  readonly name: string
  readonly alias: string
  readonly args: Args
  /** Undefined for a leaf. */
  readonly selected: readonly SelectedField[] | undefined
}

export interface GraphqlRequest {
  readonly query?: unknown
  readonly variables?: unknown
  readonly operationName?: unknown
}

const MAX_ROOT_FIELDS = 20

/**
 * Runs the root fields in turn; one that fails gives an error and null, the others go on.
 * @param resolve undefined when there is no such root field.
 */
export function execute(
  request: GraphqlRequest,
  resolve: (operation: 'query' | 'mutation', name: string) => Resolver | undefined,
): { data?: Record<string, unknown> | null; errors?: unknown[] } {
  const errors: unknown[] = []
  let roots: readonly SelectedField[]
  let operation: Operation
  try {
    const document = parseGraphql(String(request.query ?? ''))
    operation = operationOf(document, request.operationName)
    const variables = variablesOf(operation, request.variables)
    roots = selectedFields(operation.selections, document, variables)
    if (roots.length > MAX_ROOT_FIELDS) throw badRequest(`Too many root resolvers: at most ${MAX_ROOT_FIELDS}`)
    for (const { name } of roots)
      if (name !== '__typename' && !resolve(operation.type, name))
        throw badRequest(`Cannot query field "${name}" on type "${typeName(operation)}".`, 'GRAPHQL_VALIDATION_FAILED')
  } catch (error) {
    return { errors: [graphqlError(error)] }
  }
  const data: Record<string, unknown> = {}
  for (const root of roots)
    try {
      data[root.alias] =
        root.name === '__typename'
          ? typeName(operation)
          : resolve(operation.type, root.name)!(root.args, root.selected ?? [])
    } catch (error) {
      data[root.alias] = null
      errors.push(graphqlError(error, root.alias))
    }
  return errors.length > 0 ? { errors, data } : { data }
}

function typeName(operation: Operation): string {
  return operation.type === 'query' ? 'Query' : 'Mutation'
}

function operationOf(document: Document, name: unknown): Operation {
  const found = typeof name === 'string' ? document.operations.find(each => each.name === name) : document.operations[0]
  if (!found) throw badRequest(`Unknown operation named "${String(name)}".`)
  return found
}

function variablesOf(operation: Operation, given: unknown): Args {
  const values: Record<string, unknown> = {}
  for (const [name, value] of operation.defaults) values[name] = evaluate(value, {})
  return { ...values, ...(given as Args | null | undefined) }
}

function selectedFields(selections: readonly Selection[], document: Document, variables: Args): SelectedField[] {
  return selections.flatMap(selection => {
    const skipped = selection.directives.some(({ name, args }) => {
      const condition = evaluate(args.get('if') ?? { kind: 'plain', value: true }, variables)
      return (name === 'skip' && condition === true) || (name === 'include' && condition === false)
    })
    if (skipped) return []
    if (selection.kind === 'inline') return selectedFields(selection.selections, document, variables)
    if (selection.kind === 'field') return [selectedField(selection.field, document, variables)]
    const fragment = document.fragments.get(selection.name)
    if (!fragment) throw badRequest(`Unknown fragment "${selection.name}".`)
    return selectedFields(fragment, document, variables)
  })
}

function selectedField(field: FieldNode, document: Document, variables: Args): SelectedField {
  const args: Record<string, unknown> = {}
  for (const [name, value] of field.args) {
    const given = evaluate(value, variables)
    if (given !== undefined) args[name] = given
  }
  const selected = field.selections && selectedFields(field.selections, document, variables)
  return { name: field.name, alias: field.alias, args, selected }
}

function evaluate(value: Value, variables: Args): unknown {
  if (value.kind === 'variable') return variables[value.name]
  if (value.kind === 'plain') return value.value
  if (value.kind === 'list') return value.items.map(item => evaluate(item, variables))
  const object: Record<string, unknown> = {}
  for (const [name, part] of value.fields) {
    const given = evaluate(part, variables)
    if (given !== undefined) object[name] = given
  }
  return object
}

const CODES: Record<number, string> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMITED',
}

export function graphqlError(error: unknown, path?: string): Record<string, unknown> {
  const known = error instanceof TwentyError ? error : undefined
  const message = error instanceof Error ? error.message : String(error)
  const conflict = error instanceof DuplicateError ? error.conflict : undefined
  return {
    message,
    ...(path === undefined ? {} : { path: [path] }),
    extensions: {
      code: codeOf(known),
      ...(known?.code === undefined ? {} : { subCode: known.code }),
      userFriendlyMessage: message,
      ...(conflict ? { conflictingRecordId: conflict.id, conflictingObjectNameSingular: conflict.object } : {}),
    },
  }
}

function codeOf(error: TwentyError | undefined): string {
  if (error?.code === 'PERMISSION_DENIED') return 'FORBIDDEN'
  if (error?.code === 'GRAPHQL_VALIDATION_FAILED') return error.code
  return CODES[error?.status ?? 500] ?? 'INTERNAL_SERVER_ERROR'
}

/** Picks what was selected out of plain data. Absent keys are null. */
export function pick(value: unknown, selected: readonly SelectedField[] | undefined): unknown {
  if (!selected || selected.length === 0 || value === null || value === undefined) return value ?? null
  if (Array.isArray(value)) return value.map(each => pick(each, selected))
  if (typeof value !== 'object') return value
  const from = value as Record<string, unknown>
  return Object.fromEntries(selected.map(field => [field.alias, pick(own(from, field.name), field.selected)]))
}
