import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { CaseResult } from '../../testing/run-tests.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { configPaths } from '../config-paths.ts'
import { EXIT, UsageError } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { caseText, fileText, summaryText } from '../output/test-text.ts'
import type { CommonOptions, Session } from '../session.ts'

interface TestCommandOptions extends CommonOptions {
  readonly only?: string
}

const TEST = '.test.yaml'

export const addTest: AddCommand = (program, runner) => {
  const command = program
    .command('test')
    .summary('Run the cases that stand beside the config.')
    .argument('[files...]', `files named *${TEST}, configs that have one beside them, and folders`)
    .description(
      'Run the cases that stand beside the config, each on a daemon of its own in virtual time: Twenty is a stand-in, other systems answer what the case says, mails are kept, and nothing leaves this machine.',
    )
    .option('--only <text>', 'only cases with this in their name')
    .action(
      runner.run((session: Session, options: TestCommandOptions, named: string[]) => test(session, options, named)),
    )
  withExamples(command, [
    ['twenty-sync test', 'all cases beside the config that `run` would take'],
    ['twenty-sync test config/web-form-leads.yaml --only duplicate', 'some cases of one file'],
  ])
}

async function test(session: Session, options: TestCommandOptions, named: readonly string[]) {
  const { shell } = session
  const paths = configPaths([...(options.config ?? []), ...named], session.variables, shell.folder)
  const files = testFilesOf(paths.map(path => resolve(shell.folder, path)))
  const began = shell.clock.elapsed()
  const results: CaseResult[] = []
  await interruptible(shell, async signal => {
    const cases = shell.backend.runTests({
      files,
      clock: shell.clock,
      signal,
      ...(options.only && { only: options.only }),
    })
    for await (const result of cases) {
      if (session.json) await session.print(JSON.stringify(result))
      else await session.print(shown(result, results.at(-1), session))
      results.push(result)
    }
  })
  if (results.length === 0) throw new UsageError(`no case has "${options.only ?? ''}" in its name`)
  if (!session.json) await session.print(summaryText(results, shell.clock.elapsed() - began, session.style))
  return results.every(({ ok }) => ok) ? undefined : EXIT.runtime
}

function shown(result: CaseResult, before: CaseResult | undefined, { shell, style }: Session): string {
  const head = result.file === before?.file ? [] : [fileText(result.file, shell.folder, style)]
  return [...head, caseText(result, shell.folder, style)].join('\n')
}

/** @throws UsageError where there is none. */
function testFilesOf(paths: readonly string[]): string[] {
  const files = [...new Set(paths.flatMap(testFilesAt))]
  if (files.length > 0) return files
  throw new UsageError(`there is no *${TEST} in or beside ${paths.join(', ')}`)
}

function testFilesAt(path: string): string[] {
  if (path.endsWith(TEST)) return [path]
  if (!existsSync(path)) throw new UsageError(`${path} does not exist`)
  if (statSync(path).isDirectory()) {
    const names = readdirSync(path).filter(name => name.endsWith(TEST))
    return names.sort().map(name => join(path, name))
  }
  const beside = path.replace(/\.yaml$/, TEST)
  return beside !== path && existsSync(beside) ? [beside] : []
}
