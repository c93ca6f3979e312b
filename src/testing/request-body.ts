import type { StepDocument } from './step-schema.ts'

const BOUNDARY = 'twenty-sync-test'

/** A body and its content type. */
export function bodyOf({ json, form, multipart, text }: NonNullable<StepDocument['post']>): {
  readonly type?: string
  readonly body: Buffer
} {
  if (json !== undefined) return { type: 'application/json', body: Buffer.from(JSON.stringify(json)) }
  if (form) {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(form))
      for (const each of [value].flat()) parameters.append(name, String(each))
    return { type: 'application/x-www-form-urlencoded', body: Buffer.from(parameters.toString()) }
  }
  if (multipart) return { type: `multipart/form-data; boundary=${BOUNDARY}`, body: Buffer.from(partsOf(multipart)) }
  return { body: Buffer.from(text ?? '') }
}

function partsOf(fields: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(fields).flatMap(([name, value]) =>
    [value]
      .flat()
      .map(each => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${String(each)}\r\n`),
  )
  return `${parts.join('')}--${BOUNDARY}--\r\n`
}
