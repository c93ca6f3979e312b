import type { Fields } from '../event.ts'
import type { Bench } from './bench.ts'
import type { GivenDocument } from './given-schema.ts'
import type { Mismatch } from './matches.ts'
import type { TestCase } from './test-file.ts'
import type { Workspace } from './workspace.ts'

/** Puts into the workspaces what a case says is there. @returns what cannot be. */
export function give({ workspaces }: Bench, { given }: TestCase): Mismatch[] {
  for (const { value, place } of given) {
    try {
      giveAll(value, name => workspaceOf(workspaces, name))
    } catch (thrown) {
      const message = `this cannot be given: ${thrown instanceof Error ? thrown.message : String(thrown)}`
      return [{ place, path: ['given'], message }]
    }
  }
  return []
}

/** Fields before the records that have them. */
function giveAll(
  { fields = {}, members = {}, views = {}, records = {} }: GivenDocument,
  of: (name: string) => Workspace,
): void {
  for (const [system, object, its] of twoDeep(fields))
    for (const [name, spec] of Object.entries(its)) of(system).addField(object, name, spec)
  for (const [system, people] of Object.entries(members))
    for (const { name, email } of people) of(system).addMember(name, email)
  for (const [system, its] of Object.entries(views)) for (const view of its) of(system).addView(view)
  for (const [system, object, rows] of twoDeep(records))
    for (const row of rows) of(system).seed(object, withRelations(of(system), object, row))
}

function twoDeep<T>(maps: Readonly<Record<string, Readonly<Record<string, T>>>>): [string, string, T][] {
  return Object.entries(maps).flatMap(([first, inner]) =>
    Object.entries(inner).map(([second, value]): [string, string, T] => [first, second, value]),
  )
}

/** A related record that stands as a map is the one record that has those values. */
function withRelations(workspace: Workspace, object: string, record: Fields): Fields {
  const relations = workspace.relations(object)
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => {
      const relation = relations[name]
      if (!relation || typeof value !== 'object' || value === null) return [name, value]
      const found = workspace.rows(relation.object).filter(row => has(row, value as Fields))
      if (found.length === 1) return [relation.column, found[0]!.id]
      throw new Error(`${found.length} records of ${relation.object} are as \`${name}\` of a ${object} says`)
    }),
  )
}

function has(row: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return row === wanted
  if (typeof row !== 'object' || row === null) return false
  return Object.entries(wanted).every(([key, value]) => has((row as Fields)[key], value))
}

function workspaceOf(workspaces: ReadonlyMap<string, Workspace>, name: string): Workspace {
  const found = workspaces.get(name)
  if (found) return found
  const names = [...workspaces.keys()].join(', ') || 'there is none'
  throw new Error(`"${name}" is no Twenty system of this config: ${names}`)
}
