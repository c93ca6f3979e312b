import { isUtf8 } from 'node:buffer'
import type { Fields } from '../../event.ts'
import { FormFields, invalidForm } from './form.ts'
import { unreadable } from './unreadable.ts'

const CRLF = '\r\n'
const MAX_PART_HEADER_BYTES = 8192

/**
 * `multipart/form-data`: texts as they are, files as `{ name, type, size }`; a file's bytes are not kept, and a file
 * input that was left empty is left out. The whole body is in memory, so one walk from delimiter to delimiter is enough.
 * @see https://www.rfc-editor.org/rfc/rfc7578
 * @throws SyncError rejected, status 400, `INVALID_FORM` or `INVALID_ENCODING`.
 */
export function parseMultipart(body: Buffer, contentType: string): Fields {
  const delimiter = `--${boundaryOf(contentType)}`
  const fields = new FormFields()
  let at = firstDelimiter(body, delimiter) + delimiter.length
  while (!isAt(body, at, '--')) {
    const start = afterLine(body, at)
    const headersEnd = body.indexOf(`${CRLF}${CRLF}`, start)
    if (headersEnd < 0 || headersEnd - start > MAX_PART_HEADER_BYTES)
      throw invalidForm('a part has no end of its headers')
    const end = body.indexOf(`${CRLF}${delimiter}`, headersEnd + 2)
    if (end < 0) throw invalidForm('the body ends before its closing delimiter')
    addPart(fields, body.toString('utf8', start, headersEnd), body.subarray(headersEnd + 4, end))
    at = end + CRLF.length + delimiter.length
  }
  return fields.data
}

function boundaryOf(contentType: string): string {
  const boundary = parameters(contentType).get('boundary')
  if (!boundary || boundary.length > 70) throw invalidForm('the content type names no boundary')
  return boundary
}

/** A preamble before the first delimiter is allowed and means nothing. */
function firstDelimiter(body: Buffer, delimiter: string): number {
  if (isAt(body, 0, delimiter)) return 0
  const at = body.indexOf(`${CRLF}${delimiter}`)
  if (at < 0) throw invalidForm('the body does not have the delimiter that the content type announces')
  return at + CRLF.length
}

/** Where the line after the delimiter begins; blanks may stand between. */
function afterLine(body: Buffer, from: number): number {
  let at = from
  while (body[at] === 0x20 || body[at] === 0x09) at++
  if (!isAt(body, at, CRLF)) throw invalidForm('a delimiter is followed by something else than a line end')
  return at + CRLF.length
}

function isAt(body: Buffer, at: number, text: string): boolean {
  return body.toString('latin1', at, at + text.length) === text
}

function addPart(fields: FormFields, headers: string, content: Buffer): void {
  const disposition = headerOf(headers, 'content-disposition')
  if (!disposition || !/^form-data\s*(?:;|$)/i.test(disposition)) throw invalidForm('a part is not form-data')
  const named = parameters(disposition)
  const name = named.get('name')
  if (name === undefined) throw invalidForm('a part has no name')
  const fileName = named.get('filename') ?? extendedName(named.get('filename*'))
  if (fileName === undefined) {
    fields.add(unescaped(name), textOf(content))
  } else if (fileName !== '' || content.length > 0) {
    const type = headerOf(headers, 'content-type') ?? 'application/octet-stream'
    fields.add(unescaped(name), { name: baseName(unescaped(fileName)), type, size: content.length })
  }
}

function textOf(content: Buffer): string {
  if (!isUtf8(content)) throw unreadable('INVALID_ENCODING', 'a field of the form is not UTF-8')
  return content.toString('utf8')
}

function headerOf(headers: string, name: string): string | undefined {
  for (const line of headers.replace(/\r\n[ \t]+/g, ' ').split(CRLF)) {
    const colon = line.indexOf(':')
    if (line.slice(0, colon).trim().toLowerCase() === name) return line.slice(colon + 1).trim()
  }
  return undefined
}

/** `; name=value` and `; name="value"`, lower-case names, the first one of a name. */
function parameters(header: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [, name, quoted, plain] of header.matchAll(/;[ \t]*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g)) {
    const key = name!.toLowerCase()
    if (!found.has(key)) found.set(key, quoted === undefined ? plain! : quoted.replace(/\\(["\\])/g, '$1'))
  }
  return found
}

/** Browsers escape these three in names, and nothing else. https://html.spec.whatwg.org/#multipart-form-data */
function unescaped(text: string): string {
  return text.replace(/%22|%0D|%0A/gi, decodeURIComponent)
}

/** `UTF-8''na%C3%AFve.txt`. @see https://www.rfc-editor.org/rfc/rfc8187 */
function extendedName(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  try {
    return decodeURIComponent(value.replace(/^[^']*'[^']*'/, ''))
  } catch {
    throw invalidForm('a file name has a malformed % escape')
  }
}

/** Some senders put the whole path of their own disk. */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}
