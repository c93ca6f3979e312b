import { Ajv } from 'ajv'

const ajv = new Ajv({ strict: false, allErrors: true })

/** What a JSON Schema has against a value; empty when it is valid. */
export function schemaErrors(schema: object, value: unknown): string[] {
  const validate = ajv.compile(schema)
  validate(value)
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}
