import { Command, CommanderError } from 'commander'
import { type AddCommand, type CommandRunner, collect, Runner } from './command.ts'
import { addConflicts } from './commands/conflicts.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addEvents } from './commands/events.ts'
import { addInit } from './commands/init.ts'
import { addLinks } from './commands/links.ts'
import { addPass } from './commands/pass.ts'
import { addPause, addResume } from './commands/pause.ts'
import { addPoll } from './commands/poll.ts'
import { addPostgres } from './commands/postgres.ts'
import { addReconcile } from './commands/reconcile.ts'
import { addReload } from './commands/reload.ts'
import { addReplay } from './commands/replay.ts'
import { addRun } from './commands/run.ts'
import { addSandbox } from './commands/sandbox.ts'
import { addStatus } from './commands/status.ts'
import { addTest } from './commands/test.ts'
import { addTopics } from './commands/topics.ts'
import { addTrigger } from './commands/trigger.ts'
import { addTry } from './commands/try.ts'
import { addValidate } from './commands/validate.ts'
import { addWhy } from './commands/why.ts'
import { addWhyNot } from './commands/why-not.ts'
import { EXIT, UsageError } from './exit-code.ts'
import { errorDocument } from './report.ts'
import type { Shell } from './shell.ts'

const COMMANDS: readonly AddCommand[] = [
  addInit,
  addValidate,
  addTest,
  addTry,
  addRun,
  addReload,
  addStatus,
  addEvents,
  addTopics,
  addTrigger,
  addReplay,
  addDeadLetters,
  addConflicts,
  addLinks,
  addReconcile,
  addPass,
  addWhy,
  addWhyNot,
  addPoll,
  addPause,
  addResume,
  addPostgres,
  addSandbox,
]

const AFTER_HELP = `
Config: what --config names, else TWENTY_SYNC_CONFIG, else twenty-sync.yaml or config/ in this
folder. A .env file in this folder adds variables that the environment does not have.
Output: stdout is the answer, stderr is talk. With --json stdout is one JSON document, or one a line
for what comes in pieces; a failure too: {"error": {...}}.
Exit codes: 0 done, 1 something failed, 2 the config or the command line is wrong, 3 something
cannot be reached, 130 or 143 ended by a signal before it was done.
`

/** The whole command line. What an action returns or throws becomes the runner's code. */
export function createProgram(version: string, runner: CommandRunner): Command {
  const program = new Command('twenty-sync')
    .description('Keeps a Twenty workspace and the systems around it in step.')
    .option('--config <path>', 'a config file or folder; may be given more than once', collect)
    .option('--json', 'answer in JSON')
    .version(version, '--version', 'show the version')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', AFTER_HELP)
    .showSuggestionAfterError()
  for (const add of COMMANDS) add(program, runner)
  forAll(program, command => command.helpCommand(false).helpOption('-h, --help', 'show help'))
  return program
}

/** Runs one command line. @returns the exit code. */
export async function runCli(args: readonly string[], shell: Shell): Promise<number> {
  const runner = new Runner(shell)
  const program = createProgram(shell.version, runner)
  const spoken: Promise<void>[] = []
  forAll(program, command =>
    command.exitOverride().configureOutput({
      writeOut: text => void spoken.push(shell.stdout.write(text)),
      writeErr: text => void spoken.push(shell.stderr.write(text)),
      getOutHelpWidth: () => shell.stdout.columns ?? 100,
      getErrHelpWidth: () => shell.stderr.columns ?? 100,
    }),
  )
  try {
    await program.parseAsync(args, { from: 'user' })
    return runner.code
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    if (thrown.exitCode === 0) return EXIT.done
    if (args.includes('--json')) await shell.stdout.write(`${JSON.stringify(usageDocument(thrown))}\n`)
    return EXIT.config
  } finally {
    await Promise.all(spoken)
  }
}

function usageDocument({ message }: CommanderError): object {
  return errorDocument(new UsageError(message.replace(/^error: /, '')))
}

/** The command itself and all below it. */
export function forAll(command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const child of command.commands) forAll(child, visit)
}
