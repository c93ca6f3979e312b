import { type NotRun, needsOf } from './plan.ts'

/** The parts of vitest's JSON report that are read here. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string; readonly ancestorTitles: readonly string[] }[]
  }[]
}

export interface Row {
  readonly suite: string
  readonly engine: string
  passed: number
  failed: number
  /** Left out by the suite itself, because the driver does not promise it. */
  skipped: number
  /** In place of a result. */
  readonly note?: string
}

const CONFORMANCE = /^(EventLog|StateStore|Coordinator): (.+)$/

/** One row for each suite on each engine, in the order of the files. */
export function rowsOf(report: VitestReport, root: string, kafkaKind: string | undefined): Row[] {
  const rows = new Map<string, Row>()
  const rowOf = (suite: string, engine: string): Row => {
    const key = `${suite}\n${engine}`
    const row = rows.get(key) ?? { suite, engine, passed: 0, failed: 0, skipped: 0 }
    rows.set(key, row)
    return row
  }
  for (const { name, status, assertionResults } of report.testResults) {
    const file = name.startsWith(root) ? name.slice(root.length + 1) : name
    for (const { status: outcome, ancestorTitles } of assertionResults) {
      const row = rowOf(...placeOf(file, ancestorTitles, kafkaKind))
      if (outcome === 'passed') row.passed++
      else if (outcome === 'failed') row.failed++
      else row.skipped++
    }
    // A file that fails outside its tests, or has none, has no other place to say so.
    const hasFailed = assertionResults.some(({ status: outcome }) => outcome === 'failed')
    if ((status === 'failed' && !hasFailed) || assertionResults.length === 0) {
      rowOf(...placeOf(file, [], kafkaKind)).failed++
    }
  }
  return [...rows.values()].sort((a, b) => compare(a.suite, b.suite) || compare(a.engine, b.engine))
}

export function rowsNotRun(notRun: readonly NotRun[], commandFor: (each: NotRun) => string): Row[] {
  return notRun.map(each => {
    const [, engine] = placeOf(each.file, [], undefined)
    return { suite: each.file, engine, passed: 0, failed: 0, skipped: 0, note: `not run: ${commandFor(each)}` }
  })
}

function placeOf(file: string, titles: readonly string[], kafkaKind: string | undefined): [string, string] {
  for (const title of titles) {
    const [, suite, engine] = CONFORMANCE.exec(title) ?? []
    if (suite && engine) return [suite, engine === 'Kafka' && kafkaKind === 'double' ? 'Kafka double' : engine]
  }
  const needs = needsOf(file)
  const kafka = kafkaKind === 'double' && !needs.includes('own') ? 'Kafka double' : 'Kafka'
  const engines = [
    needs.includes('kafka') ? kafka : '',
    needs.includes('redis') ? 'Redis' : '',
    needs.includes('postgres') ? 'Postgres' : '',
  ]
  return [folderOf(file), engines.filter(Boolean).join(', ') || 'no service']
}

function folderOf(file: string): string {
  const parts = file.split('/')
  return parts.length > 2 ? parts.slice(1, -1).join('/') : 'other'
}

/** The table that ends a run. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(row => [row.suite, row.engine, String(row.passed), resultOf(row)])
  const head = ['suite', 'engine', 'passed', 'result']
  const widths = [0, 1, 2].map(column => Math.max(...[head, ...cells].map(line => line[column]!.length)))
  const lines = [head, ...cells].map(line =>
    line.map((cell, column) => (column < 3 ? cell.padEnd(widths[column]!) : cell)).join('  '),
  )
  return lines.join('\n')
}

function resultOf(row: Row): string {
  if (row.note) return row.note
  const left = row.skipped > 0 ? ` (${row.skipped} not promised by it)` : ''
  if (row.failed > 0) return `${row.failed} FAILED${left}`
  return row.engine.includes('double') ? `double${left}` : `passed${left}`
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
