import { type AddCommand, withExamples } from '../command.ts'
import type { Session } from '../session.ts'

export const addPause: AddCommand = (program, runner) => {
  const command = program
    .command('pause')
    .summary('Pause a flow or a sync.')
    .argument('<name>', 'name of the flow or sync')
    .description(
      'Pause a flow or a sync: it finishes what it began and takes nothing new. Its events wait in the log. Kept over restarts.',
    )
    .action(
      runner.run(async (session: Session, _options: object, flow: string) => {
        const live = await session.onInstallation(async ({ operations, live }) => {
          await operations.pauseFlow({ flow })
          return live
        })
        const when = live ? 'takes no new events' : 'will take no events when the daemon starts'
        await session.result(
          { flow, paused: true },
          () => `${flow} is paused and ${when}; go on with \`twenty-sync resume ${flow}\``,
        )
        return undefined
      }),
    )
  withExamples(command, [['twenty-sync pause web-form-leads', 'until `twenty-sync resume web-form-leads`']])
}

export const addResume: AddCommand = (program, runner) => {
  const command = program
    .command('resume')
    .summary('Let a paused or stopped flow or sync go on.')
    .argument('<name>', 'name of the flow or sync')
    .description('Let a paused flow or sync go on where it was, and a stopped one try again now.')
    .action(
      runner.run(async (session: Session, _options: object, flow: string) => {
        await session.onInstallation(({ operations }) => operations.resumeFlow({ flow }))
        await session.result({ flow, paused: false }, () => `${flow} goes on`)
        return undefined
      }),
    )
  withExamples(command, [['twenty-sync resume web-form-leads', 'also ends the wait of a stopped flow']])
}
