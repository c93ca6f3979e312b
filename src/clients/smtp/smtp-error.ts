import { SyncError } from '../../errors.ts'

/** What nodemailer says of a failure. https://nodemailer.com/errors */
export interface SmtpFailure extends Error {
  readonly code?: string
  /** The system's own code, where nodemailer put its own in its place. */
  readonly originalCode?: string
  readonly response?: string
  readonly responseCode?: number
}

export interface FailedCall {
  readonly name: string
  readonly server: string
  /** `open`: connecting, TLS and login, which no mail is to blame for. */
  readonly stage: 'open' | 'send'
  /** The first byte of the mail was on its way, and the final answer did not come. */
  readonly begun: boolean
}

/** Authentication: required, too weak, needs encryption, invalid. RFC 4954, section 6. */
const AUTH_REPLIES = new Set([530, 534, 535, 538])

/** The server said no to the command, so what it refused did not happen. Everything else without an answer may have. */
export function smtpError(failure: SmtpFailure, call: FailedCall): SyncError {
  const { responseCode, code } = failure
  if (isTls(failure)) return tlsError(failure, call)
  if (responseCode !== undefined) return replyError(failure, responseCode, call)
  if (code === 'EAUTH') return authError(failure, call)
  if (call.begun) return unknownError(failure, call)
  // Refused by the library before a byte was sent: too large, or an address that the server's extensions cannot take.
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    return new SyncError('rejected', 'MAIL_REFUSED', `${call.name}: ${failure.message}`, { cause: failure })
  }
  const message = `${call.name}: no connection to the mail server ${call.server}: ${failure.message}`
  return new SyncError('retryable', 'CONNECTION_FAILED', message, { cause: failure })
}

/** RFC 5321, section 4.2.1: 4yz may pass later, 5yz will not. */
function replyError(failure: SmtpFailure, status: number, call: FailedCall): SyncError {
  if (status < 400 || status === 503) {
    const message = `${call.name}: ${call.server} answered out of turn: ${failure.response}`
    return new SyncError('retryable', 'MAIL_DEFERRED', message, { cause: failure, status, outcomeUnknown: call.begun })
  }
  if (status < 500) {
    const message = `${call.name}: ${call.server} puts the mail off: ${failure.response}`
    return new SyncError('retryable', 'MAIL_DEFERRED', message, { cause: failure, status })
  }
  if (call.stage === 'open' || AUTH_REPLIES.has(status) || failure.code === 'EAUTH') return authError(failure, call)
  const message = `${call.name}: ${call.server} refuses the mail: ${failure.response}`
  return new SyncError('rejected', 'MAIL_REFUSED', message, { cause: failure, status })
}

function authError(failure: SmtpFailure, { name, server }: FailedCall): SyncError {
  const { responseCode: status } = failure
  const message = `${name}: ${server} does not let us in: ${failure.response ?? failure.message}; check the user and password in its url`
  return new SyncError('fatal', 'MAIL_AUTH', message, { cause: failure, ...(status !== undefined && { status }) })
}

function unknownError(failure: SmtpFailure, { name, server }: FailedCall): SyncError {
  const options = { cause: failure, outcomeUnknown: true }
  if (failure.code === 'ETIMEDOUT') {
    const message = `${name}: ${server} took the mail and did not answer in time`
    return new SyncError('retryable', 'TIMEOUT', message, options)
  }
  const message = `${name}: ${server} took the mail, and the connection was lost before its answer`
  return new SyncError('retryable', 'CONNECTION_LOST', message, options)
}

/** The encryption itself does not come about; a line that broke meanwhile is told by its own code. */
function isTls({ code, originalCode = '', message, responseCode }: SmtpFailure): boolean {
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL/.test(originalCode)) return true
  if (code !== 'ETLS' || /^E[A-Z]+$/.test(originalCode)) return false
  return !(responseCode !== undefined && responseCode < 500) && !/closed unexpectedly|timed out/i.test(message)
}

function tlsError(failure: SmtpFailure, { name, server }: FailedCall): SyncError {
  const message = `${name}: no safe connection to ${server}: ${failure.message}. Name the authority as \`ca\`, or set \`insecure: true\` when the way is trusted`
  return new SyncError('fatal', 'MAIL_TLS', message, { cause: failure })
}
