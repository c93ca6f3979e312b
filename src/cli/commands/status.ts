import type { StatusReport } from '../../runtime/operations.ts'
import { type AddCommand, wholeNumber, withExamples } from '../command.ts'
import { interruptible } from '../interrupt.ts'
import { statusText } from '../output/status-text.ts'
import type { Session } from '../session.ts'

const CLEAR_SCREEN = '\u001b[H\u001b[2J'

export const addStatus: AddCommand = (program, runner) => {
  const command = program
    .command('status')
    .summary('Show what runs, how fast, and what is stuck and why.')
    .description(
      'Show each system, connector and flow: state, rate, lag, oldest unfinished event, parked, limiter, why it stopped and when it tries again.',
    )
    .option('--watch [seconds]', 'show it again and again, every 2 seconds unless told', wholeNumber(1))
    .action(
      runner.run(async (session: Session, { watch }: { watch?: number | true }) => {
        await session.onInstallation(async ({ operations }) => {
          if (watch === undefined) return show(session, await operations.status())
          await interruptible(session.shell, async signal => {
            while (!signal.aborted) {
              const status = await operations.status()
              if (session.shell.stdout.isTty && !session.json) await session.shell.stdout.write(CLEAR_SCREEN)
              await show(session, status)
              await session.shell.clock.sleep((watch === true ? 2 : watch) * 1000, signal).catch(() => {})
            }
          })
        })
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync status', 'once, of the daemon that runs on this config, else what is stored'],
    ['twenty-sync status --watch 5', 'a fresh picture every 5 seconds, until Ctrl-C'],
    ['twenty-sync status --json | jq ".flows[] | select(.state != \\"running\\")"', 'flows that do not run, and why'],
  ])
}

async function show(session: Session, status: StatusReport): Promise<void> {
  const { width, style, now } = session
  await session.result(status, () => statusText(status, { width, style, now }))
}
