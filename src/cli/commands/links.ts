import { type Command, Option } from 'commander'
import pick from 'lodash/pick.js'
import { LINK_STATES, type LinkState } from '../../sync/link-state.ts'
import { type AddCommand, type CommandRunner, wholeNumber, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { linkLine, linkText } from '../output/link-text.ts'
import type { Session } from '../session.ts'

interface ListOptions {
  readonly sync?: string
  readonly record?: string
  readonly state?: LinkState
  readonly limit?: number
  readonly all?: boolean
}

export const addLinks: AddCommand = (program, runner) => {
  const links = program
    .command('links')
    .summary('Look at pairs of records that a sync keeps in step.')
    .description('Look at pairs of records that a sync keeps in step.')
  addList(links, runner)
  addShow(links, runner)
}

function addList(links: Command, runner: CommandRunner): void {
  const command = links
    .command('list')
    .description(
      'List which record of one side is linked with which of the other, one a line and in no order. Records without a counterpart are in it; pairs that were deleted or unlinked only when they are asked for.',
    )
    .addOption(new Option('--sync <sync>', 'only of this sync'))
    .option('--record <id>', 'only with this record on either side: its id or a beginning of it')
    .addOption(new Option('--state <state>', 'only those that are so').choices(LINK_STATES))
    .option('--limit <count>', 'at most so many', wholeNumber(1))
    .option('--all', 'also pairs that were deleted or unlinked')
    .action(
      runner.run(async (session: Session, options: ListOptions) => {
        const query = pick(options, ['sync', 'record', 'state', 'limit', 'all'])
        await interruptible(session.shell, signal =>
          session.onInstallation(async ({ operations }) => {
            let count = 0
            for await (const link of operations.listLinks(query, signal)) {
              count++
              await session.result(link, () => linkLine(link, session))
            }
            signal.throwIfAborted()
            if (count === 0 && !session.json) await session.print('no pairs')
          }),
        )
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync links list --sync people', 'all pairs of a sync'],
    ['twenty-sync links list --record 20202020-c21e', 'with whom a record is linked, by the beginning of its id'],
    ['twenty-sync links list --state alone --json', 'records without a counterpart, one JSON line each'],
  ])
}

function addShow(links: Command, runner: CommandRunner): void {
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
