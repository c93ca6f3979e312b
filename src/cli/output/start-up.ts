import { relative as relativePath } from 'node:path'
import type { Config, FlowConfig, StepConfig } from '../../config/config.ts'
import { DEAD_LETTERS } from '../../config/source-name.ts'
import type { StatusReport } from '../../runtime/operations.ts'
import type { Style } from './style.ts'
import { type Column, table } from './table.ts'
import { plain, wrap } from './text.ts'

export interface StartUpFacts {
  readonly config: Config
  readonly status: StatusReport
  readonly version: string
  readonly pid: number
}

/** For `--json`: what runs, and where. */
export function startUpDocument({ config, status, version, pid }: StartUpFacts): object {
  return {
    version,
    pid,
    engine: status.engine,
    intake: status.intake,
    files: config.files,
    systems: status.systems.map(({ name, type, url }) => ({ name, type, url })),
    connectors: status.connectors.map(({ name, type, path, objects }) => ({ name, type, path, objects })),
    flows: [...config.flows.values()].map(flow => ({
      name: flow.name,
      from: flow.from.map(sourceText),
      steps: flow.steps.map(({ id }) => id),
    })),
    warnings: config.warnings,
  }
}

export function startUpText(
  { config, status, version, pid }: StartUpFacts,
  { style, width, shell }: { style: Style; width: number | undefined; shell: { folder: string } },
): string {
  const { engine, intake = '', systems, connectors } = status
  const files = config.files.map(file => relativePath(shell.folder, file) || file).join(', ')
  return [
    `${style.bold(`twenty-sync ${version}`)}  process ${pid}`,
    fact('config', files, style),
    fact('engine', engine, style),
    fact('intake', `${intake}  (/livez /readyz /metrics)`, style),
    block(
      'systems',
      systems,
      [
        { title: '', value: ({ name }) => name },
        { title: '', value: ({ type }) => type },
        { title: '', value: ({ url }) => url ?? '', shrinks: true },
      ],
      { style, width },
    ),
    block(
      'connectors',
      connectors,
      [
        { title: '', value: ({ name }) => name },
        { title: '', value: ({ type }) => type },
        { title: '', value: ({ path }) => (path ? intake + path : ''), shrinks: true },
        { title: '', value: ({ objects }) => objects.join(', '), shrinks: true },
      ],
      { style, width },
    ),
    flowsText(config, style, width),
    block(
      'syncs',
      [...config.syncs.values()],
      [
        { title: '', value: ({ name }) => name },
        { title: '', value: ({ left, right }) => `${left.system} ${left.object} = ${right.system} ${right.object}` },
      ],
      { style, width },
    ),
    ...config.warnings.map(warning => `  ${style.yellow('warning'.padEnd(10))}  ${plain(warning)}`),
  ]
    .filter(part => part !== '')
    .join('\n')
}

function fact(name: string, value: string, style: Style): string {
  return `  ${style.dim(name.padEnd(10))}  ${plain(value)}`
}

function block<Row>(
  title: string,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { style, width }: { style: Style; width: number | undefined },
): string {
  if (rows.length === 0) return ''
  const [, ...lines] = table(rows, columns, { width, indent: ' '.repeat(14) }).split('\n')
  const [first = '', ...rest] = lines
  return [`  ${style.dim(title.padEnd(10))}  ${first.trimStart()}`, ...rest].join('\n')
}

function flowsText(config: Config, style: Style, width: number | undefined): string {
  const flows = [...config.flows.values()]
  if (flows.length === 0 && config.syncs.size > 0) return ''
  if (flows.length === 0) return fact('flows', 'none: events are kept, and nothing is done with them', style)
  const indent = ' '.repeat(16)
  const lines = flows.flatMap(({ name, from, steps }) => [
    `${' '.repeat(14)}${style.bold(name)}`,
    ...wrap(`${from.map(sourceText).join(', ')} -> ${steps.map(stepText).join(', ')}`, (width ?? 100) - 16).map(
      line => indent + line,
    ),
  ])
  const [first = '', ...rest] = lines
  return [`  ${style.dim('flows'.padEnd(10))}  ${first.trimStart()}`, ...rest].join('\n')
}

function sourceText(source: FlowConfig['from'][number]): string {
  if ('deadLettersOf' in source) return `${source.deadLettersOf}.${DEAD_LETTERS}`
  const { connector, object, action } = source
  return action ? `${connector}.${object}.${action}` : `${connector}.${object}`
}

function stepText({ id, use }: StepConfig): string {
  if (use.kind === 'each') return `${id} (${use.do.map(stepText).join(', ')})`
  if (use.kind !== 'choose') return id
  return `${id} (${use.branches.map(branch => branch.do.map(stepText).join(', ')).join(' | ')})`
}
