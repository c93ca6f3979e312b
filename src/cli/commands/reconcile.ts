import type { ReconcileProgress } from '../../runtime/sync-reports.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { EXIT, UsageError } from '../exit-code.ts'
import { interruptible } from '../interrupt.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { type Compared, readingShare, readingText, reportText, writesText } from '../output/reconcile-text.ts'
import { count, counted } from '../output/text.ts'
import type { Session } from '../session.ts'

interface ReconcileOptions {
  readonly dryRun?: boolean
  readonly apply?: boolean
}

export const addReconcile: AddCommand = (program, runner) => {
  const command = program
    .command('reconcile')
    .summary('Compare both sides of a sync completely, and repair.')
    .argument('<sync>', 'name of the sync')
    .description(
      'Read both sides completely and compare them record by record. A daemon then repairs what it found, unless that is more than the limits of the sync; without a daemon it only compares. Exit code 0: in step, or being repaired; 1: differences are left.',
    )
    .option('--dry-run', 'only compare; store and write nothing')
    .option('--apply', 'repair however much it is')
    .action(
      runner.run((session: Session, options: ReconcileOptions, sync: string) => reconcile(session, sync, options)),
    )
  withExamples(command, [
    ['twenty-sync reconcile people --dry-run', 'what differs, with samples field by field'],
    ['twenty-sync reconcile people', 'and repair it within the limits'],
    ['twenty-sync reconcile people --apply', 'all of it, after a look at what it is'],
  ])
}

async function reconcile(session: Session, sync: string, options: ReconcileOptions): Promise<number | undefined> {
  const { dryRun = false, apply = false } = options
  if (dryRun && apply) throw new UsageError('--dry-run writes nothing, so there is nothing to --apply')
  const view = new ProgressLine(session.shell.stderr, session.talkStyle, session.shell.clock)
  return interruptible(session.shell, signal =>
    session.onInstallation(async ({ operations, live }) => {
      const query = { sync, ...(dryRun && { dryRun }), ...(apply && { apply }) }
      let compared: Compared | undefined
      try {
        for await (const item of operations.reconcile(query, signal)) {
          await step(session, view, item)
          if ('report' in item) compared = item
        }
      } finally {
        await view.clear()
      }
      // A stream that was cut ends quietly.
      signal.throwIfAborted()
      if (!compared) return EXIT.runtime
      return ended(session, compared, { sync, dryRun, live })
    }),
  )
}

async function step(session: Session, view: ProgressLine, item: ReconcileProgress): Promise<void> {
  if (session.json) await session.print(JSON.stringify(session.redact(item)))
  else if (!('report' in item)) await view.show(readingText(item), readingShare(item), item.side)
}

async function ended(
  session: Session,
  compared: Compared,
  { sync, dryRun, live }: { sync: string; dryRun: boolean; live: boolean },
): Promise<number | undefined> {
  const { writes, heldBack, repairing } = compared.report
  const isInStep = writes.creates + writes.updates + writes.deletes === 0
  if (!session.json) {
    await session.print(reportText(compared, session))
    if (isInStep) await session.print('\nnothing to write')
    else if (heldBack && !dryRun && live) {
      const { kind, count: found, limit } = heldBack
      await session.print(
        `\nheld back: ${counted(found, kind.slice(0, -1))}, and \`guard\` of ${sync} lets ${count(limit)} pass. Nothing was repaired; to repair all of it: twenty-sync reconcile ${sync} --apply`,
      )
    } else if (dryRun) await session.print(`\nwould write ${writesText(writes)}: twenty-sync reconcile ${sync}`)
    else if (!live) {
      await session.print(
        `\nwould write ${writesText(writes)}; no daemon runs, so nothing was repaired: start one and give the command again`,
      )
    } else {
      await session.print(
        `\n${counted(repairing, 'pair')} are being repaired: ${writesText(writes)}; twenty-sync status shows what is left`,
      )
    }
  }
  return isInStep || (live && !dryRun && !heldBack) ? undefined : EXIT.runtime
}
