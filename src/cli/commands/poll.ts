import { type AddCommand, withExamples } from '../command.ts'
import type { Session } from '../session.ts'

export const addPoll: AddCommand = (program, runner) => {
  const command = program
    .command('poll')
    .summary('Have the running daemon poll a connector now.')
    .argument('<connector>', 'name of the connector, or of the system that brings it along')
    .description(
      'Have the running daemon poll a connector now, whatever its schedule says or a failure makes it wait for. It goes on where its last poll ended; the schedule stays as it is. `status` shows how it goes.',
    )
    .action(
      runner.run(async (session: Session, _options: object, connector: string) => {
        await session.onDaemon(daemon => daemon.pollNow({ connector }))
        await session.result(
          { connector, polling: true },
          () => `${connector} is polled now; see \`twenty-sync status\` for how it goes`,
        )
        return undefined
      }),
    )
  withExamples(command, [['twenty-sync poll warehouse', 'the nightly run, by day']])
}
