/** What an answer says of a refusal. Becomes the REST envelope, or an entry of `errors` in GraphQL. */
export class TwentyError extends Error {
  readonly status: number
  readonly error: string
  readonly code?: string
  readonly extra: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    error: string,
    message: string,
    options: {
      code?: string
      extra?: Readonly<Record<string, unknown>>
      headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(message)
    this.status = status
    this.error = error
    this.code = options.code
    this.extra = options.extra ?? {}
    this.headers = options.headers ?? {}
  }
}

export function badRequest(message: string, code?: string): TwentyError {
  return new TwentyError(400, 'BadRequestException', message, code === undefined ? {} : { code })
}

export function notFound(message = 'Record not found'): TwentyError {
  return new TwentyError(404, 'NotFoundException', message, { code: 'RECORD_NOT_FOUND' })
}

/** @param conflict the row that already holds the value; GraphQL names it, REST does not. */
export function duplicate(column: string, constraint: string, conflict?: { id: string; object: string }): TwentyError {
  const message =
    column === 'id'
      ? 'A duplicate entry was detected'
      : `A duplicate entry for ${column} was found: unique constraint "${constraint}" was violated`
  return new DuplicateError(message, conflict)
}

export class DuplicateError extends TwentyError {
  readonly conflict?: { readonly id: string; readonly object: string }

  constructor(message: string, conflict?: { id: string; object: string }) {
    super(400, 'BadRequestException', message)
    this.conflict = conflict
  }
}

/** The REST body of an error. `code` appears only for errors that carry one. */
export function errorBody(error: TwentyError): Record<string, unknown> {
  return {
    statusCode: error.status,
    error: error.error,
    messages: [error.message],
    ...(error.code === undefined ? {} : { code: error.code }),
    ...error.extra,
  }
}
