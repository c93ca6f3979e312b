import type { WhyReport } from '../../runtime/sync-reports.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { whyText } from '../output/why-text.ts'
import type { Session } from '../session.ts'

export const addWhy: AddCommand = (program, runner) => {
  const command = program
    .command('why')
    .summary('Say who wrote a record and what it caused.')
    .argument('<system>', 'name of the system')
    .argument('<object>', 'person, company, …; invoice, mail, …')
    .argument('<id>', 'id of the record there')
    .argument('[field]', 'only this field of a sync')
    .description(
      'Say for each field of a record which side its value came from, which event told it, which rule let it win, and what lost; which flows wrote the record; and what flows did in other systems because of it: an invoice, a message, a request. What a flow did is known for as long as it remembers its events (`remember`); of an `each` over many, what its items upserted or updated is not.',
    )
    .action(
      runner.run(
        async (session: Session, _: object, system: string, object: string, id: string, field: string | undefined) => {
          const all = await session.onInstallation(({ operations }) => operations.why({ system, object, id }))
          const report = field === undefined ? all : only(all, field)
          await session.result(report, () => whyText(report, session))
          return undefined
        },
      ),
    )
  withExamples(command, [
    ['twenty-sync why twenty person 20202020-c21e-4ec2-873b-de4264d89025', 'all fields'],
    ['twenty-sync why twenty person 20202020-c21e-4ec2-873b-de4264d89025 jobTitle', 'one field'],
    ['twenty-sync why billing invoice in_1MtHbELkdIwHu7ix', 'which flow made it, and because of which record'],
  ])
}

/** By its name, or its path on either side. */
function only(report: WhyReport, field: string): WhyReport {
  const syncs = report.syncs.map(sync => ({
    ...sync,
    fields: sync.fields.filter(({ name, left, right }) => [name, left.path, right.path].includes(field)),
  }))
  const known = [...new Set(report.syncs.flatMap(({ fields }) => fields.map(({ name }) => name)))]
  if (report.syncs.length > 0 && syncs.every(({ fields }) => fields.length === 0)) {
    throw new UsageError(`no sync of this record has the field "${field}"; there are: ${known.join(', ')}`)
  }
  const top = field.split('.')[0]!
  return {
    ...report,
    syncs: syncs.filter(({ fields }) => fields.length > 0),
    flows: report.flows.filter(({ fields }) => fields.includes(top)),
    effects: [],
  }
}
