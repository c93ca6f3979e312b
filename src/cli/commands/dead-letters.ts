import type { Command } from 'commander'
import { SyncError } from '../../errors.ts'
import type { Operations } from '../../runtime/operations.ts'
import { type AddCommand, type CommandRunner, wholeNumber, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { deadLettersText, deadLetterText, type ListedLetter } from '../output/dead-letters-text.ts'
import { counted } from '../output/text.ts'
import type { Session } from '../session.ts'

interface ResolveOptions {
  readonly all?: boolean
  readonly code?: string
  readonly yes?: boolean
}

export const addDeadLetters: AddCommand = (program, runner) => {
  const letters = program
    .command('dead-letters')
    .summary('Look at what flows gave up on; send it back or let it go.')
    .description('Look at the events that flows gave up on, and send them back or let them go.')
  addList(letters, runner)
  addShow(letters, runner)
  addRedrive(letters, runner)
  addDiscard(letters, runner)
}

function addList(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('list')
    .argument('[flow]', 'only of this flow')
    .description('List open dead letters, newest first, and what they died of.')
    .option('--all', 'also those that were redriven or discarded')
    .option('--limit <count>', 'at most so many', wholeNumber(1), 50)
    .action(
      runner.run(async (session: Session, { all, limit }: { all?: boolean; limit: number }, flow?: string) => {
        const query = { limit, ...(flow && { flow }), ...(all && { all }) }
        const listed = await session.onInstallation(({ operations }) => operations.listDeadLetters(query))
        await session.result(listed, () => deadLettersText(listed, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync dead-letters list', 'of all flows'],
    ['twenty-sync dead-letters list web-form-leads --all --json', 'everything one flow ever gave up on, for a program'],
  ])
}

function addShow(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('show')
    .argument('<id>', 'its id or a unique beginning of it')
    .description('Show one dead letter: the cause, what the other side said, and the event as the step saw it.')
    .action(
      runner.run(async (session: Session, _options: object, id: string) => {
        const found = await session.onInstallation(({ operations }) => letterOf(operations, id))
        await session.result(found, () => deadLetterText(found, session))
        return undefined
      }),
    )
  withExamples(command, [['twenty-sync dead-letters show 9c41d2aa', 'by the beginning of its id']])
}

function addRedrive(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('redrive')
    .argument('<flow>', 'name of the flow')
    .argument('[ids...]', 'ids or beginnings of them')
    .description(
      'Send dead letters back to their flow, oldest first. What the flow had done for them already is not done again.',
    )
  resolves(command).action(
    runner.run((session: Session, options: ResolveOptions, flow: string, ids: string[]) =>
      resolveLetters(session, { flow, ids, options, redrive: true }),
    ),
  )
  withExamples(command, [
    ['twenty-sync dead-letters redrive web-form-leads 9c41d2aa', 'one'],
    ['twenty-sync dead-letters redrive web-form-leads --all --code TWENTY_REFUSED', 'all that died of one cause'],
  ])
}

function addDiscard(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('discard')
    .argument('<flow>', 'name of the flow')
    .argument('[ids...]', 'ids or beginnings of them')
    .description('Close dead letters for good. They stay readable with `list --all` as long as the topic keeps them.')
  resolves(command).action(
    runner.run((session: Session, options: ResolveOptions, flow: string, ids: string[]) =>
      resolveLetters(session, { flow, ids, options, redrive: false }),
    ),
  )
  withExamples(command, [
    ['twenty-sync dead-letters discard web-form-leads 9c41d2aa', 'one'],
    ['twenty-sync dead-letters discard web-form-leads --all --yes', 'all of a flow, without being asked'],
  ])
}

function resolves(command: Command): Command {
  return command
    .option('--all', 'every open one of the flow')
    .option('--code <code>', 'with --all: only those that died of this')
    .option('--yes', 'with --all: do not ask')
}

interface Wish {
  readonly flow: string
  readonly ids: readonly string[]
  readonly options: ResolveOptions
  readonly redrive: boolean
}

async function resolveLetters(session: Session, { flow, ids, options, redrive }: Wish): Promise<number | undefined> {
  const { all = false, code, yes = false } = options
  if (all === ids.length > 0) throw new UsageError('name the dead letters by id, or take --all of them')
  if (code && !all) throw new UsageError('--code chooses among --all')
  const word = redrive ? 'redriven' : 'discarded'
  await session.onInstallation(async ({ operations }) => {
    if (all && !yes && !(await confirmed(session, operations, { flow, code, word }))) {
      return session.result({ flow, [word]: 0 }, () => 'nothing was changed')
    }
    const query = { flow, ...(all ? { all, ...(code && { code }) } : { ids }) }
    const done = await (redrive ? operations.redriveDeadLetters(query) : operations.discardDeadLetters(query))
    await session.result({ flow, [word]: done }, () => `${counted(done, 'dead letter')} of ${flow} ${word}`)
  })
  return undefined
}

/** Says how many it would be before many are touched. Where nobody can be asked, closing them for good takes --yes. */
async function confirmed(
  session: Session,
  operations: Operations,
  { flow, code, word }: { flow: string; code?: string; word: string },
): Promise<boolean> {
  const { stdin } = session.shell
  if (!stdin.isTty || session.json) {
    if (word === 'redriven') return true
    throw new UsageError('to discard all without being asked, say --yes')
  }
  const open = await operations.listDeadLetters({ flow })
  const meant = code ? open.filter(({ letter }) => letter.code === code) : open
  const answer = await stdin.ask(`${counted(meant.length, 'dead letter')} of ${flow} will be ${word}. Go on? [y/N] `)
  return /^y(es)?$/i.test(answer.trim())
}

async function letterOf(operations: Operations, id: string): Promise<ListedLetter> {
  const found = (await operations.listDeadLetters({ all: true })).filter(({ letter }) => letter.id.startsWith(id))
  if (found.length === 1) return found[0]!
  if (found.length === 0) {
    throw new SyncError('rejected', 'NO_SUCH_DEAD_LETTER', `no dead letter "${id}"; see \`dead-letters list --all\``)
  }
  throw new SyncError('rejected', 'AMBIGUOUS_DEAD_LETTER', `"${id}" begins ${found.length} ids; give more of it`)
}
