import { InvalidArgumentError, Option } from 'commander'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { Daemon } from '../../runtime/daemon.ts'
import type { ReloadOutcome } from '../../runtime/operations.ts'
import { Redactor } from '../../runtime/redact.ts'
import { controlFolder } from '../../server/control-file.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { EXIT, Interrupted } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { problemsText } from '../output/problems.ts'
import { startUpDocument, startUpText } from '../output/start-up.ts'
import { counted } from '../output/text.ts'
import { redactedOperations } from '../redacted-operations.ts'
import type { Session } from '../session.ts'

interface RunOptions {
  readonly host?: string
  readonly port?: number
  readonly publicUrl?: string
  readonly logLevel: string
}

export const addRun: AddCommand = (program, runner) => {
  const command = program
    .command('run')
    .summary('Run the daemon.')
    .argument('[files...]', 'config files and folders, as with --config')
    .description(
      'Run the daemon. SIGTERM and Ctrl-C drain it, a second one ends it at once; `twenty-sync reload` (or SIGHUP) takes a changed config, and a bad one changes nothing.',
    )
    .option('--host <address>', 'address to listen on, in place of `server.host`')
    .option('--port <number>', 'port to listen on, in place of `server.port`; 0 takes a free one', portNumber)
    .option('--public-url <url>', 'where the world reaches the daemon, in place of `server.publicUrl`', publicUrl)
    .addOption(
      new Option('--log-level <level>', 'what is logged to stderr')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(runner.run((session: Session, options: RunOptions, files: string[]) => runDaemon(session, options, files)))
  withExamples(command, [
    ['twenty-sync run', 'with `twenty-sync.yaml` or `config/` of this folder'],
    ['twenty-sync run config/web-form-leads.yaml --port 9000', 'one file, on another port'],
    ['twenty-sync reload', 'in another shell: take the changed config without losing an event'],
  ])
}

function portNumber(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It takes a port, 0 to 65535.')
}

function publicUrl(text: string): string {
  if (/^https?:\/\/[^\s/?#]+[^\s?#]*$/.test(text)) return text.replace(/\/+$/, '')
  throw new InvalidArgumentError('It takes an address like https://sync.example.com.')
}

async function runDaemon(session: Session, options: RunOptions, files: string[]): Promise<number | undefined> {
  const load = async () => withAddress(await session.loadConfig(files), options)
  const config = await load()
  const logger = session.logger(options.logLevel)
  const uncatch = session.shell.onCrash(thrown => {
    logger.fatal({ err: thrown }, 'nobody caught this: the process ends, and goes on where it was when started again')
    session.shell.exit(EXIT.runtime)
  })
  try {
    await interruptible(session.shell, async signal => {
      const daemon = await session.shell.backend.startDaemon({ config, load, env: session.environment(logger) })
      await serve(session, daemon, logger, signal)
    })
  } finally {
    uncatch()
  }
  return undefined
}

/** Until the signal is aborted; drained when it resolves. */
async function serve(session: Session, daemon: Daemon, logger: Logger, signal: AbortSignal): Promise<void> {
  const closeControl = await openControl(session, daemon, logger)
  const removeReload = session.shell.onSignal('SIGHUP', () => void reload(session, daemon, logger))
  try {
    const status = await daemon.operations.status()
    const facts = { config: daemon.config, status, version: session.shell.version, pid: session.shell.pid }
    await session.result(startUpDocument(facts), () => startUpText(facts, session))
    // On a terminal they were just read above.
    if (!session.shell.stderr.isTty) for (const warning of daemon.config.warnings) logger.warn(warning)
    await aborted(signal)
  } finally {
    removeReload()
    await closeControl()
    const { reason } = signal
    await daemon.stop(reason instanceof Interrupted ? reason.signal : 'failed')
  }
  logger.info('stopped; everything that was begun is finished or kept')
}

/** A daemon that cannot write its control file runs all the same: what it is for goes on without. */
async function openControl(session: Session, daemon: Daemon, logger: Logger): Promise<() => Promise<void>> {
  const { startControl } = await import('../../server/control.ts')
  const folder = controlFolder(daemon.config, session.variables.TWENTY_SYNC_CONTROL)
  try {
    const control = await startControl({
      operations: () => ({
        ...redactedOperations(daemon.operations, new Redactor(daemon.config.secrets)),
        reload: async () => {
          const outcome = await reload(session, daemon, logger)
          return new Redactor(daemon.config.secrets).redact(outcome)
        },
        pollNow: async ({ connector }) => daemon.pollNow(connector),
      }),
      folder,
      pid: session.shell.pid,
      env: session.environment(logger),
    })
    return () => control.close()
  } catch (thrown) {
    logger.warn({ err: thrown }, `commands will not reach this daemon: cannot write the control file in ${folder}`)
    return async () => {}
  }
}

async function reload(session: Session, daemon: Daemon, logger: Logger): Promise<ReloadOutcome> {
  const outcome = await daemon.reload()
  await tellReload(outcome, session, daemon, logger)
  return outcome
}

async function tellReload(outcome: ReloadOutcome, session: Session, daemon: Daemon, logger: Logger): Promise<void> {
  if (outcome.ok) {
    session.useSecretsOf(daemon.config)
    logger.info(`config taken: ${outcome.summary}`)
    for (const warning of daemon.config.warnings) logger.warn(warning)
    return
  }
  const { problems, message = counted(problems.length, 'problem') } = outcome
  logger.error(`the config was not taken and the one before goes on: ${message}`)
  const { shell, talkStyle } = session
  if (!shell.stderr.isTty) for (const problem of problems) logger.error({ problem }, problem.message)
  else if (problems.length > 0) await session.say(problemsText(problems, shell.folder, talkStyle))
}

/** The command line has the last word on where to listen and be found, at each reload too. */
function withAddress(config: Config, { host, port, publicUrl }: RunOptions): Config {
  return {
    ...config,
    server: {
      ...config.server,
      ...(host && { host }),
      ...(port !== undefined && { port }),
      ...(publicUrl && { publicUrl }),
    },
    problemAt: (...place) => config.problemAt(...place),
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
