import {
  allSteps,
  type Config,
  type ConfigPath,
  type FlowConfig,
  type FlowSource,
  type Problem,
  type StepConfig,
} from '../config/config.ts'
import { pathOf, readsOf } from '../expressions/reads.ts'
import { nearest } from '../nearest.ts'
import {
  ANY,
  inside,
  isRecord,
  type Known,
  oneOf,
  type Path,
  type Read,
  type Reads,
  type RecordShape,
  type Shape,
} from '../shape.ts'

/** So many fields are listed where none is near: the parts of a value, not all of a record. */
const FEW = 8

/** What systems tell of their records. undefined: nothing, or nothing for sure. */
export interface Shapes {
  ofEvents(source: FlowSource): Promise<Shape | undefined>
  ofResult(step: StepConfig): Promise<Shape | undefined>
}

type Names = ReadonlyMap<string, Known>

/** An expression or a template, and where it stands. */
interface Text extends Reads {
  readonly path: ConfigPath
}

/** What the expressions below a path see, unless a longer path says otherwise. */
interface Scope {
  readonly path: ConfigPath
  readonly names: Names
}

/** Fields that expressions of flows read and that are surely not there. */
export async function verifyReads(config: Config, shapes: Shapes): Promise<Problem[]> {
  const found = await Promise.all([...config.flows.values()].map(flow => absentIn(flow, config, shapes)))
  return found.flat()
}

async function absentIn(flow: FlowConfig, config: Config, shapes: Shapes): Promise<Problem[]> {
  const path = ['flows', flow.name]
  const expressions = config.expressions.filter(each => begins(each.path, path))
  const texts: Text[] = [
    ...expressions.map(({ path, source }) => ({ path, ...readsOf(source) })),
    ...allSteps(flow.steps).flatMap(step => templatesOf(step, config)),
  ]
  if (texts.length === 0) return []
  const scopes = await scopesOf(flow, path, shapes)
  // A step may ask for what a later one reads.
  const mayLack = new Set(texts.flatMap(text => text.mayLack).map(keyOf))
  return texts.flatMap(({ path, reads }) => {
    const { names } = scopes.findLast(scope => begins(path, scope.path))!
    return reads.filter(read => !isAsked(read.path, mayLack)).flatMap(read => absentRead(read, names, config, path))
  })
}

function templatesOf({ use, verb, config: args, path }: StepConfig, { systems }: Config): Text[] {
  if (use.kind !== 'action') return []
  const texts = systems.get(use.system)!.definition.actions[verb]!.reads?.(args as never) ?? []
  return texts.map(text => ({ ...text, path: [...path, ...text.path] }))
}

/** Those inside of others after them. */
async function scopesOf(flow: FlowConfig, path: ConfigPath, shapes: Shapes): Promise<Scope[]> {
  const data = await Promise.all(flow.from.map(source => shapes.ofEvents(source)))
  const names: Names = new Map([['data', oneOf(data)]])
  return [{ path, names }, ...(await scopesIn(flow.steps, names, shapes))]
}

async function scopesIn(steps: readonly StepConfig[], outer: Names, shapes: Shapes): Promise<Scope[]> {
  const names = new Map(outer)
  const scopes: Scope[] = []
  for (const step of steps) {
    const { use, path } = step
    // That it will see names of later steps is no harm: a config that reads them is refused.
    scopes.push({ path, names })
    if (use.kind === 'choose') {
      for (const branch of use.branches) scopes.push(...(await scopesIn(branch.do, names, shapes)))
    }
    if (use.kind === 'each') {
      const inner = new Map(names).set(use.item, await itemOf(use, names, shapes))
      scopes.push({ path: [...path, 'key'], names: inner }, ...(await scopesIn(use.do, inner, shapes)))
    }
    if (step.as !== undefined) names.set(step.as, oneOf([await shapes.ofResult(step)]))
  }
  return scopes
}

/** The item of a list, or of what an action gives page by page; with `batch` a list of them. */
async function itemOf(
  { over, batch }: Extract<StepConfig['use'], { kind: 'each' }>,
  names: Names,
  shapes: Shapes,
): Promise<Known> {
  const items = typeof over === 'string' ? itemsAt(pathOf(over) ?? [], names) : pagedBy(await shapes.ofResult(over))
  return batch === undefined ? items : items?.map(item => ({ items: item }))
}

function itemsAt([name, ...way]: Path | readonly [], names: Names): Known {
  return name === undefined ? undefined : inside(names.get(name), [...way, null])
}

function pagedBy(shape: Shape | undefined): Known {
  return oneOf([shape && 'items' in shape ? shape.items : shape])
}

function absentRead(
  { path, text, before, offset }: Read,
  names: Names,
  { problemAt }: Config,
  at: ConfigPath,
): Problem[] {
  const [root, ...way] = path
  const name = way.pop()
  const holders = inside(names.get(root), way) ?? []
  const records = oneOf(holders.map(shape => (isRecord(shape) ? shape : undefined))) ?? []
  if (typeof name !== 'string' || records.length === 0 || records.some(({ fields }) => fields.has(name))) return []
  const elsewhere = records.map(record => record.elsewhere?.get(name)).find(each => each !== undefined)
  const message = `${text}: ${lacking(records, name)}${elsewhere ? `: ${elsewhere.why}` : ''}`
  const fields = [...new Set(records.flatMap(record => [...record.fields.keys()]))]
  const meant = elsewhere ? elsewhere.field : nearest(name, fields)
  const choice = fields.length > 0 && fields.length <= FEW ? `one of ${fields.join(', ')}` : undefined
  return [problemAt(at, 'unknown-field', message, meant === undefined ? choice : `${before}.${meant}`, offset)]
}

function lacking(records: readonly RecordShape[], name: string): string {
  const all = [...new Set(records.map(({ of }) => of))]
  return all.length === 1 ? `${all[0]} has no field "${name}"` : `none of ${all.join(', ')} has a field "${name}"`
}

function isAsked(path: Path, asked: ReadonlySet<string>): boolean {
  return asked.has(keyOf(path)) || asked.has(keyOf([...path.slice(0, -1), ANY]))
}

function keyOf(path: readonly (string | null)[]): string {
  return JSON.stringify(path)
}

function begins(path: ConfigPath, beginning: ConfigPath): boolean {
  return beginning.every((part, at) => path[at] === part)
}
