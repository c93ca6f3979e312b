/** An answer that is an error. */
export class Refusal extends Error {
  readonly status: number
  readonly type: string
  readonly code: string | undefined
  readonly param: string | undefined
  /** Found while the call was carried out, not while its parameters were checked: kept under the idempotency key. */
  readonly isKept: boolean

  constructor(
    status: number,
    message: string,
    { type = 'invalid_request_error', code, param, isKept = false }: RefusalOptions = {},
  ) {
    super(message)
    this.status = status
    this.type = type
    this.code = code
    this.param = param
    this.isKept = isKept
  }

  get body(): unknown {
    const { type, code, param, message } = this
    return { error: { type, message, ...(code !== undefined && { code }), ...(param !== undefined && { param }) } }
  }
}

interface RefusalOptions {
  readonly type?: string
  readonly code?: string
  readonly param?: string
  readonly isKept?: boolean
}

export function missing(kind: string, id: string, param = 'id', status = 404): Refusal {
  return new Refusal(status, `No such ${kind}: '${id}'`, { code: 'resource_missing', param })
}
