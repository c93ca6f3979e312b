import { Option } from 'commander'
import { type AddCommand, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { linkText } from '../output/link-text.ts'
import type { Session } from '../session.ts'

export const addLinks: AddCommand = (program, runner) => {
  const links = program
    .command('links')
    .summary('Look at pairs of records that a sync keeps in step.')
    .description('Look at pairs of records that a sync keeps in step.')
  const command = links
    .command('show')
    .argument(
      '<id...>',
      'id of the pair or of a record on either side, or a unique beginning; or system, object and id',
    )
    .description(
      'Show one pair: both sides with their versions, per field what was agreed, since when and from which side, what is being written, and what waits.',
    )
    .addOption(new Option('--sync <sync>', 'only of this sync'))
    .action(
      runner.run(async (session: Session, { sync }: { sync?: string }, ids: string[]) => {
        const query = { ...queryOf(ids), ...(sync !== undefined && { sync }) }
        const report = await session.onInstallation(({ operations }) => operations.showLink(query))
        await session.result(report, () => linkText(report, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync links show 9c41d2aa', 'by the beginning of an id'],
    ['twenty-sync links show twenty person 20202020-c21e-4ec2-873b-de4264d89025', 'by a record'],
  ])
}

function queryOf(ids: readonly string[]): { id: string; system?: string; object?: string } {
  const [first, object, id] = ids
  if (ids.length === 1) return { id: first! }
  if (ids.length === 3) return { system: first!, object: object!, id: id! }
  throw new UsageError('name an id, or a system, an object and the id of a record')
}
