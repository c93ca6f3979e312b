import { type AddCommand, wholeNumber, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { counted } from '../output/text.ts'
import type { Session } from '../session.ts'

interface PassOptions {
  readonly creates?: number
  readonly updates?: number
  readonly deletes?: number
  readonly yes?: boolean
}

const KINDS = ['creates', 'updates', 'deletes'] as const

export const addPass: AddCommand = (program, runner) => {
  const command = program
    .command('pass')
    .summary('Let writes of a sync pass that are over its limit of the hour.')
    .argument('<sync>', 'name of the sync')
    .description(
      'Let writes of a sync pass that are over its limit of the hour (`guard`). Without a count, all that wait now; `status` shows how many that is.',
    )
    .option('--creates <count>', 'so many creates more', wholeNumber(0))
    .option('--updates <count>', 'so many updates more', wholeNumber(0))
    .option('--deletes <count>', 'so many deletes more', wholeNumber(0))
    .option('--yes', 'do not ask where records would be deleted')
    .action(runner.run((session: Session, options: PassOptions, sync: string) => pass(session, sync, options)))
  withExamples(command, [
    ['twenty-sync pass people --creates 120', 'a hundred and twenty more than the limit says'],
    ['twenty-sync pass people', 'all that wait now'],
  ])
}

async function pass(session: Session, sync: string, options: PassOptions): Promise<undefined> {
  const named = Object.fromEntries(KINDS.flatMap(kind => (options[kind] === undefined ? [] : [[kind, options[kind]]])))
  await session.onInstallation(async ({ operations, live }) => {
    let counts: Partial<Record<(typeof KINDS)[number], number>> = named
    if (Object.keys(named).length === 0) {
      if (!live)
        throw new UsageError('without a daemon nobody knows what waits: say how many, for example --creates 100')
      const { syncs } = await operations.status()
      counts = syncs.find(({ name }) => name === sync)?.guarded ?? {}
    }
    const deletes = counts.deletes ?? 0
    if (deletes > 0 && !options.yes && !(await confirmed(session, deletes, sync))) {
      return session.result({ sync, creates: 0, updates: 0, deletes: 0 }, () => 'nothing was changed')
    }
    const passed = await operations.passGuard({ sync, ...counts })
    const texts = KINDS.flatMap(kind => (passed[kind] > 0 ? [counted(passed[kind], kind.slice(0, -1))] : []))
    const what = texts.length === 0 ? 'nothing waits at the limit' : `${texts.join(', ')} more may pass`
    await session.result({ sync, ...passed }, () => `${sync}: ${what}`)
  })
  return undefined
}

async function confirmed(session: Session, deletes: number, sync: string): Promise<boolean> {
  const { stdin } = session.shell
  if (!stdin.isTty || session.json) throw new UsageError('to let deletes pass without being asked, say --yes')
  const answer = await stdin.ask(`${counted(deletes, 'record')} of ${sync} will be deleted. Go on? [y/N] `)
  return /^y(es)?$/i.test(answer.trim())
}
