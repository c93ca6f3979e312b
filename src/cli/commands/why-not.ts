import { type AddCommand, withExamples } from '../command.ts'
import { whyNotText } from '../output/why-text.ts'
import type { Session } from '../session.ts'

export const addWhyNot: AddCommand = (program, runner) => {
  const command = program
    .command('why-not')
    .summary('Say why something did not happen to a record.')
    .argument('<system>', 'name of the system; of a connector without one, its own')
    .argument('<object>', 'person, company, …')
    .argument('<id>', 'id of the record there')
    .description(
      'Say for each flow and sync that uses the object what became of the record: it never arrived, was filtered out, is stale, an echo, held, parked, a dead letter, behind the limit of the hour, or used by nothing; and what to do next.',
    )
    .action(
      runner.run(async (session: Session, _: object, system: string, object: string, id: string) => {
        const report = await session.onInstallation(({ operations }) => operations.whyNot({ system, object, id }))
        await session.result(report, () => whyNotText(report, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync why-not twenty person 20202020-c21e-4ec2-873b-de4264d89025', 'of a record of Twenty'],
  ])
}
