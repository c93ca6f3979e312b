import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Fields } from '../../event.ts'
import { parseJson } from '../../json.ts'
import { letterOf } from '../../runtime/choose-letters.ts'
import type { Operations } from '../../runtime/operations.ts'
import { type AddCommand, type CommandRunner, wholeNumber, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { deadLettersText, deadLetterText } from '../output/dead-letters-text.ts'
import { counted } from '../output/text.ts'
import type { Session } from '../session.ts'

interface FlowOptions {
  readonly flow?: string
}

interface ListOptions extends FlowOptions {
  readonly all?: boolean
  readonly limit: number
}

interface ResolveOptions extends FlowOptions {
  readonly set?: Fields
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
    .description('List open dead letters, newest first, and what they died of.')
    .addOption(flowOption())
    .option('--all', 'also those that were redriven or discarded')
    .option('--limit <count>', 'at most so many', wholeNumber(1), 50)
    .action(
      runner.run(async (session: Session, { flow, all, limit }: ListOptions) => {
        const query = { limit, ...(flow && { flow }), ...(all && { all }) }
        const listed = await session.onInstallation(({ operations }) => operations.listDeadLetters(query))
        await session.result(listed, () => deadLettersText(listed, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync dead-letters list', 'of all flows'],
    [
      'twenty-sync dead-letters list --flow web-form-leads --all --json',
      'everything one flow ever gave up on, for a program',
    ],
  ])
}

function addShow(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('show')
    .argument('<id>', 'its id or a unique beginning of it')
    .description('Show one dead letter: the cause, what the other side said, and the event as the step saw it.')
    .addOption(flowOption())
    .action(
      runner.run(async (session: Session, { flow }: FlowOptions, id: string) => {
        const query = { all: true, ...(flow && { flow }) }
        const found = await session.onInstallation(async ({ operations }) =>
          letterOf(await operations.listDeadLetters(query), id, flow),
        )
        await session.result(found, () => deadLetterText(found, session))
        return undefined
      }),
    )
  withExamples(command, [['twenty-sync dead-letters show 9c41d2aa', 'by the beginning of its id']])
}

function addRedrive(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('redrive')
    .argument('[ids...]', 'ids or unique beginnings of them')
    .description(
      'Send dead letters back to their flow, oldest first. What the flow had done for them already is not done again.',
    )
  resolves(command)
    .option('--set <json>', 'with one id: fields of its data, or of its item, corrected', fields)
    .action(
      runner.run((session: Session, options: ResolveOptions, ids: string[]) =>
        resolveLetters(session, { ids, options, redrive: true }),
      ),
    )
  withExamples(command, [
    ['twenty-sync dead-letters redrive 9c41d2aa', 'one'],
    [`twenty-sync dead-letters redrive 9c41d2aa --set '{"email":"ada@example.com"}'`, 'one, corrected'],
    [
      'twenty-sync dead-letters redrive --all --flow web-form-leads --code TWENTY_REFUSED',
      'all of a flow that died of one cause',
    ],
  ])
}

function addDiscard(letters: Command, runner: CommandRunner): void {
  const command = letters
    .command('discard')
    .argument('[ids...]', 'ids or unique beginnings of them')
    .description('Close dead letters for good. They stay readable with `list --all` as long as the topic keeps them.')
  resolves(command).action(
    runner.run((session: Session, options: ResolveOptions, ids: string[]) =>
      resolveLetters(session, { ids, options, redrive: false }),
    ),
  )
  withExamples(command, [
    ['twenty-sync dead-letters discard 9c41d2aa', 'one'],
    ['twenty-sync dead-letters discard --all --flow web-form-leads --yes', 'all of a flow, without being asked'],
  ])
}

function resolves(command: Command): Command {
  return command
    .option('--all', 'every open one')
    .addOption(flowOption())
    .option('--code <code>', 'with --all: only those that died of this')
    .option('--yes', 'with --all: do not ask')
}

function fields(text: string): Fields {
  try {
    const value = parseJson(Buffer.from(text))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError(`it must be a JSON object, like '{"email":"ada@example.com"}'`)
}

function flowOption(): Option {
  return new Option('--flow <flow>', 'only of this flow')
}

interface Wish {
  readonly ids: readonly string[]
  readonly options: ResolveOptions
  readonly redrive: boolean
}

const AGAIN = '; `twenty-sync dead-letters list` shows what fails again'

async function resolveLetters(session: Session, { ids, options, redrive }: Wish): Promise<number | undefined> {
  const { flow, all = false, code, yes = false, set } = options
  if (all === ids.length > 0) throw new UsageError('name the dead letters by id, or take --all of them')
  if (code && !all) throw new UsageError('--code chooses among --all')
  if (set && ids.length !== 1) throw new UsageError('--set corrects one dead letter: name it by its id')
  const word = redrive ? 'redriven' : 'discarded'
  await session.onInstallation(async ({ operations, live }) => {
    const chosen = { ...(flow && { flow }), ...(all ? { all, ...(code && { code }) } : { ids }) }
    if (all && !yes && !(await confirmed(session, operations, { flow, code, word }))) {
      return session.result({ [word]: 0 }, () => 'nothing was changed')
    }
    const done = await (redrive
      ? operations.redriveDeadLetters({ ...chosen, ...(set && { set }) })
      : operations.discardDeadLetters(chosen))
    const next =
      redrive && done > 0 ? (live ? AGAIN : '; no daemon runs: the flow takes up what was sent back when one does') : ''
    await session.result({ [word]: done }, () => `${meaning(done, flow)} ${word}${next}`)
  })
  return undefined
}

/** Says how many it would be before many are touched. Where nobody can be asked, closing them for good takes --yes. */
async function confirmed(
  session: Session,
  operations: Operations,
  { flow, code, word }: { flow?: string; code?: string; word: string },
): Promise<boolean> {
  const { stdin } = session.shell
  if (!stdin.isTty || session.json) {
    if (word === 'redriven') return true
    throw new UsageError('to discard all without being asked, say --yes')
  }
  const open = await operations.listDeadLetters({ ...(flow && { flow }) })
  const meant = code ? open.filter(({ letter }) => letter.code === code) : open
  const answer = await stdin.ask(`${meaning(meant.length, flow)} will be ${word}. Go on? [y/N] `)
  return /^y(es)?$/i.test(answer.trim())
}

function meaning(times: number, flow: string | undefined): string {
  return counted(times, 'dead letter') + (flow ? ` of ${flow}` : '')
}
