import { type Config, ConfigError } from '../../config/config.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { counted, plain } from '../output/text.ts'
import type { Session } from '../session.ts'

interface Findings {
  readonly ok: boolean
  readonly files: readonly string[]
  readonly systems: readonly string[]
  readonly connectors: readonly string[]
  readonly flows: readonly string[]
  readonly syncs: readonly string[]
  readonly warnings: readonly string[]
  readonly problems: readonly object[]
  /** Systems that could not be asked whether the config fits them. */
  readonly unreachable: readonly { readonly system: string; readonly message: string }[]
}

export const addValidate: AddCommand = (program, runner) => {
  const command = program
    .command('validate')
    .summary('Check the config, all problems at once.')
    .argument('[files...]', 'config files and folders, as with --config')
    .description(
      'Check the config, all problems at once: each with file, line, column, what is wrong and what would be right. Asks the systems whether the objects and fields exist that are named, and those of Twenty that expressions read.',
    )
    .option('--offline', 'do not ask the systems')
    .action(
      runner.run(async (session: Session, { offline = false }: { offline?: boolean }, files: string[]) => {
        const config = await session.loadConfig(files)
        const unreachable = offline ? [] : await askSystems(session, config)
        const findings = findingsOf(config, unreachable)
        await session.result(findings, () => findingsText(session, findings, offline))
        return findings.ok ? undefined : EXIT.unreachable
      }),
    )
  withExamples(command, [
    ['twenty-sync validate', 'the config that `run` would take, against the live systems'],
    ['twenty-sync validate --offline config/web-form-leads.yaml', 'one file, on a machine without network'],
  ])
}

/** @throws ConfigError with what the systems say against the config. */
async function askSystems(session: Session, config: Config): Promise<Findings['unreachable']> {
  return interruptible(session.shell, async signal => {
    const { problems, unreachable } = await session.shell.backend.verifyLive(config, session.environment(), signal)
    if (problems.length > 0) throw new ConfigError(problems)
    return unreachable
  })
}

function findingsOf(config: Config, unreachable: Findings['unreachable']): Findings {
  return {
    ok: unreachable.length === 0,
    files: config.files,
    systems: [...config.systems.keys()],
    connectors: [...config.connectors.keys()],
    flows: [...config.flows.keys()],
    syncs: [...config.syncs.keys()],
    warnings: config.warnings,
    problems: [],
    unreachable,
  }
}

function findingsText({ style }: Session, findings: Findings, offline: boolean): string {
  const { files, systems, connectors, flows, syncs, warnings, unreachable } = findings
  const parts = [
    counted(files.length, 'file'),
    counted(systems.length, 'system'),
    counted(connectors.length, 'connector'),
    counted(flows.length, 'flow'),
    ...(syncs.length > 0 ? [counted(syncs.length, 'sync')] : []),
  ].join(', ')
  const verdict = unreachable.length > 0 ? style.yellow('right as far as it goes') : style.green('all right')
  return [
    ...warnings.map(warning => `${style.yellow('warning')}: ${plain(warning)}`),
    ...(flows.length === 0 && syncs.length === 0
      ? [`${style.yellow('warning')}: there is no flow, so nothing would be done with what comes in`]
      : []),
    ...unreachable.map(
      ({ system, message }) =>
        `${style.red('not checked')}: ${plain(message.startsWith(`${system}: `) ? message : `${system}: ${message}`)}`,
    ),
    `${parts}: ${verdict}${offline ? '; the systems were not asked' : ''}`,
  ].join('\n')
}
