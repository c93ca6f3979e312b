import type { ConfigChange } from '../../config/changes.ts'
import { ConfigError } from '../../config/config.ts'
import { SyncError } from '../../errors.ts'
import type { ReloadOutcome } from '../../runtime/operations.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { problemsText } from '../output/problems.ts'
import { counted, plain } from '../output/text.ts'
import { report } from '../report.ts'
import type { Session } from '../session.ts'

export const addReload: AddCommand = (program, runner) => {
  const command = program
    .command('reload')
    .summary('Have the running daemon take the changed config.')
    .description(
      'Have the running daemon read its config again: it checks all of it, finishes what was begun, and goes on with the new one; no event is lost. A wrong config changes nothing (exit code 2). SIGHUP to the daemon does the same, without an answer. What `log`, `state` and `server` say takes a restart.',
    )
    .action(runner.run((session: Session) => reload(session)))
  withExamples(command, [
    ['twenty-sync reload', 'says what changed, or what is wrong'],
    ['twenty-sync reload --json | jq ".changes[]"', 'each system, connector and flow that is another now'],
  ])
}

async function reload(session: Session): Promise<number | undefined> {
  const outcome = await session.onDaemon(daemon => daemon.reload())
  if (outcome.ok) {
    await session.result(outcome, () => takenText(session, outcome))
    return undefined
  }
  return refused(session, outcome)
}

function takenText({ style }: Session, { summary, changes }: ReloadOutcome & { ok: true }): string {
  const lines = changes.map(change => `  ${plain(changeText(change))}`)
  const what = lines.length > 0 ? `: ${counted(lines.length, 'change')}` : '; nothing in it changed'
  return [`${style.green('config taken')}${what}`, ...lines, `runs now: ${summary}`].join('\n')
}

function changeText({ what, name, change }: ConfigChange): string {
  return `${change.padEnd(8)} ${what === 'file' ? name : `${what} ${name}`}`
}

async function refused(session: Session, outcome: ReloadOutcome & { ok: false }): Promise<number> {
  const { problems, message, code } = outcome
  if (problems.length === 0) {
    const why = message ?? 'the daemon gives no reason'
    throw new SyncError('rejected', code ?? 'CONFIG', `the config was not taken, and the one before goes on: ${why}`)
  }
  if (session.json) return report(session, new ConfigError(problems))
  const { talkStyle: style, shell } = session
  const verdict = `${counted(problems.length, 'problem')}: the config was not taken, and the daemon goes on with the one before`
  await session.say(`${problemsText(problems, shell.folder, style)}\n\n${style.red(verdict)}`)
  return EXIT.config
}
