import { type AddCommand, wholeNumber, withExamples } from '../command.ts'
import { EXIT, exitCodeOf } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { statusText } from '../output/status-text.ts'
import { report } from '../report.ts'
import type { Session } from '../session.ts'

const CLEAR_SCREEN = '\u001b[H\u001b[2J'

export const addStatus: AddCommand = (program, runner) => {
  const command = program
    .command('status')
    .summary('Show what runs, how fast, and what is stuck and why.')
    .description(
      'Show each system, connector, flow and sync: state, rate, lag, oldest unfinished event, parked, limiter, pairs, conflicts, why it stopped and when it tries again.',
    )
    .option('--watch [seconds]', 'show it again and again, every 2 seconds unless told', wholeNumber(1))
    .action(
      runner.run(async (session: Session, { watch }: { watch?: number | true }) => {
        if (watch === undefined) await show(session)
        else await interruptible(session.shell, signal => keepShowing(session, watch === true ? 2 : watch, signal))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync status', 'once, of the daemon that runs on this config, else what is stored'],
    ['twenty-sync status --watch 5', 'a fresh picture every 5 seconds, until Ctrl-C'],
    ['twenty-sync status --json | jq ".flows[] | select(.state != \\"running\\")"', 'flows that do not run, and why'],
  ])
}

async function show(session: Session, before = ''): Promise<void> {
  const status = await session.onInstallation(({ operations }) => operations.status())
  const { width, style, now } = session
  await session.result(status, () => before + statusText(status, { width, style, now }))
}

/** Connects anew each time: a daemon may come and go meanwhile, and a data folder must not be held for a look. */
async function keepShowing(session: Session, everySeconds: number, signal: AbortSignal): Promise<void> {
  const { shell, json } = session
  while (!signal.aborted) {
    try {
      await show(session, shell.stdout.isTty && !json ? CLEAR_SCREEN : '')
    } catch (thrown) {
      if (exitCodeOf(thrown) !== EXIT.unreachable) throw thrown
      await report(session, thrown)
    }
    await shell.clock.sleep(everySeconds * 1000, signal).catch(() => {})
  }
}
