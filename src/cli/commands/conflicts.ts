import { type Command, Option } from 'commander'
import type { ConflictKind, LinkReport, ResolveQuery } from '../../runtime/sync-reports.ts'
import { CONFLICT_KINDS } from '../../sync/conflict.ts'
import { type AddCommand, type CommandRunner, collect, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { conflictsText, conflictText } from '../output/link-text.ts'
import { plain } from '../output/text.ts'
import type { Session } from '../session.ts'

interface SyncOption {
  readonly sync?: string
}

interface ListOptions extends SyncOption {
  readonly kind?: ConflictKind
}

interface ResolveOptions extends SyncOption {
  readonly take?: string
  readonly field?: readonly string[]
  readonly delete?: boolean
  readonly recreate?: boolean
  readonly unlink?: boolean
  readonly relink?: boolean
  readonly pair?: string
  readonly apart?: boolean
  readonly retry?: boolean
  readonly yes?: boolean
}

export const addConflicts: AddCommand = (program, runner) => {
  const conflicts = program
    .command('conflicts')
    .summary('Look at what two-way syncs leave to a person, and decide it.')
    .description('Look at what two-way syncs leave to a person, and decide it.')
  addList(conflicts, runner)
  addShow(conflicts, runner)
  addResolve(conflicts, runner)
}

function addList(conflicts: Command, runner: CommandRunner): void {
  const command = conflicts
    .command('list')
    .description('List what waits for a person, oldest first.')
    .addOption(syncOption())
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(CONFLICT_KINDS))
    .action(
      runner.run(async (session: Session, { sync, kind }: ListOptions) => {
        const query = { ...(sync !== undefined && { sync }), ...(kind && { kind }) }
        const listed = await session.onInstallation(({ operations }) => operations.listConflicts(query))
        await session.result(listed, () => conflictsText(listed, session))
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync conflicts list', 'of all syncs'],
    ['twenty-sync conflicts list --sync people --kind ambiguous --json', 'pairs to be matched by hand, for a program'],
  ])
}

function addShow(conflicts: Command, runner: CommandRunner): void {
  const command = conflicts
    .command('show')
    .argument('<id>', 'id of the pair or of a record on either side, or a unique beginning')
    .description('Show one: both values, who said them and when, its task, and the commands that decide it.')
    .addOption(syncOption())
    .action(
      runner.run(async (session: Session, { sync }: SyncOption, id: string) => {
        const query = { id, ...(sync !== undefined && { sync }) }
        const report = await session.onInstallation(({ operations }) => operations.showLink(query))
        await session.result(report, () => conflictText(report, session))
        return undefined
      }),
    )
  withExamples(command, [['twenty-sync conflicts show 9c41d2aa', 'by the beginning of its id']])
}

function addResolve(conflicts: Command, runner: CommandRunner): void {
  const command = conflicts
    .command('resolve')
    .argument('<id>', 'id of the pair or of a record on either side, or a unique beginning')
    .description(
      'Decide about one pair. What was decided is stored before anything is written; most of it can be taken back, and the answer says how.',
    )
    .option('--take <side>', 'this side stands: left, right, or the name of a system')
    .option('--field <field>', 'with --take: only in this field; also in one that was decided before', collect)
    .option('--delete', 'the other record of a deleted one goes too')
    .option('--recreate', 'a deleted or missing record comes back')
    .option('--unlink', 'the two are kept in step no more; neither is touched')
    .option('--relink', 'takes --unlink back')
    .option('--pair <record>', 'id of the record of the other side that is the counterpart')
    .option('--apart', 'none of those with the same key is the counterpart')
    .option('--retry', 'what was refused or not found is tried again')
    .option('--yes', 'with --delete: do not ask')
    .addOption(syncOption())
    .action(runner.run((session: Session, options: ResolveOptions, id: string) => resolve(session, id, options)))
  withExamples(command, [
    ['twenty-sync conflicts resolve 9c41d2aa --take twenty', 'Twenty stands in all contested fields'],
    ['twenty-sync conflicts resolve 9c41d2aa --take right --field jobTitle', 'one field; also takes a decision back'],
    ['twenty-sync conflicts resolve 9c41d2aa --delete --yes', 'the other record goes too, without being asked'],
    ['twenty-sync conflicts resolve 9c41d2aa --pair 20202020-c21e', 'these two are the same'],
  ])
}

function syncOption(): Option {
  return new Option('--sync <sync>', 'only of this sync')
}

async function resolve(session: Session, id: string, options: ResolveOptions): Promise<undefined> {
  const { sync, yes = false } = options
  const decision = decisionOf(options)
  const named = { id, ...(sync !== undefined && { sync }) }
  await session.onInstallation(async ({ operations, live }) => {
    if (decision.kind === 'delete' && !yes && !(await confirmed(session, () => operations.showLink(named)))) {
      return session.result({ resolved: false }, () => 'nothing was changed')
    }
    const resolved = await operations.resolveConflict({ ...named, by: whoIn(session), decision })
    const { undo, does, link, acting } = resolved
    const when = acting ? '' : live ? '; the sync does it when it runs' : '; no daemon runs: it is done when one does'
    const back = undo ? `\nto take it back: twenty-sync conflicts resolve ${link.slice(0, 8)} ${undo}` : ''
    await session.result(resolved, () => plain(does) + when + back)
  })
  return undefined
}

/** Kept with the decision; `why` shows it. */
function whoIn({ variables }: Session): string {
  const user = variables.USER ?? variables.USERNAME
  return user ? `${user} at the command line` : 'the command line'
}

function decisionOf(options: ResolveOptions): ResolveQuery['decision'] {
  const { take, field, pair } = options
  if (field && take === undefined) throw new UsageError('--field goes with --take')
  const plainKinds = (['delete', 'recreate', 'unlink', 'relink', 'apart', 'retry'] as const).filter(
    kind => options[kind],
  )
  const decisions: ResolveQuery['decision'][] = [
    ...(take === undefined ? [] : [{ kind: 'take' as const, side: take, ...(field && { fields: field }) }]),
    ...(pair === undefined ? [] : [{ kind: 'pair' as const, record: pair }]),
    ...plainKinds.map(kind => ({ kind })),
  ]
  const [decision, second] = decisions
  if (!decision || second) {
    throw new UsageError('name one decision; `twenty-sync conflicts show <id>` lists those that fit')
  }
  return decision
}

/** Where nobody can be asked, deleting takes --yes. */
async function confirmed(session: Session, show: () => Promise<LinkReport>): Promise<boolean> {
  const { stdin } = session.shell
  if (!stdin.isTty || session.json) throw new UsageError('to delete without being asked, say --yes')
  const { left, right } = await show()
  const rest = left && !left.deletedAt ? left : right
  const what = rest ? `${rest.system} ${rest.object} ${rest.id}` : 'the other record'
  const answer = await stdin.ask(`${plain(what)} will be deleted. Go on? [y/N] `)
  return /^y(es)?$/i.test(answer.trim())
}
