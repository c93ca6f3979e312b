import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createWorkspace } from '../../sandbox/twenty/workspace.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { type CaseFailure, type CaseResult, runTests } from '../../src/testing/run-tests.ts'
import { tempFolder } from '../support/temp-folder.ts'

export const FORM = `
systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}" }
connectors:
  form: { type: webhook, path: /hooks/form, accept: [json, form, multipart], verify: { header: x-key, equals: "\${FORM_KEY}" } }
`

export interface TestFiles {
  /** Of `flow.yaml`. */
  readonly config: string
  /** Of `flow.test.yaml`. */
  readonly test: string
  readonly others?: Readonly<Record<string, string>>
}

/** Writes a config with its cases. @returns the path of the test file. */
export function written({ config, test, others = {} }: TestFiles): string {
  const folder = tempFolder()
  for (const [name, text] of Object.entries({ 'flow.yaml': config, 'flow.test.yaml': test, ...others })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, 'flow.test.yaml')
}

export async function resultsOf(files: TestFiles, only?: string): Promise<CaseResult[]> {
  const options = { clock: systemClock, signal: new AbortController().signal, createWorkspace }
  const results: CaseResult[] = []
  for await (const result of runTests({ ...options, files: [written(files)], ...(only && { only }) }))
    results.push(result)
  return results
}

/** `9:20 cases.one.expect.mails: how many: mail; expected 1, found 0`, of all cases. */
export async function failuresOf(files: TestFiles): Promise<string[]> {
  return (await resultsOf(files)).flatMap(({ failures }) => failures.map(lineOf))
}

function lineOf({ line, column, path, message, ...values }: CaseFailure): string {
  const said = [
    ...(message === undefined ? [] : [message]),
    ...('expected' in values ? [`expected ${JSON.stringify(values.expected)}`] : []),
    ...('found' in values ? [`found ${JSON.stringify(values.found)}`] : []),
  ]
  return `${line}:${column} ${path}: ${said.join(', ')}`
}
