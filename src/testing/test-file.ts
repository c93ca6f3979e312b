import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { checkValue } from '../config/check-value.ts'
import { type LoadContext, Secrets } from '../config/load-context.ts'
import { keyPlaceOf, type ListNode, type MapNode, mapWhere, type Node, type Place, plainOf } from '../config/node.ts'
import { Problems } from '../config/problems.ts'
import { readYaml, type YamlFile } from '../config/read-yaml.ts'
import type { Variables } from '../config/references.ts'
import { viewOf } from '../config/schema-view.ts'
import { readSources } from '../config/sources.ts'
import type { ReplyDocument } from './answers-schema.ts'
import { asTexts } from './as-texts.ts'
import type { GivenDocument } from './given-schema.ts'
import { testVariables } from './made-up.ts'
import type { StepDocument } from './step-schema.ts'
import { type CaseDocument, type TestDocument, TestSchema } from './test-schema.ts'

export type Verb = keyof StepDocument

export interface TestStep {
  readonly verb: Verb
  readonly args: unknown
  /** What stands under the verb. */
  readonly node: Node
  readonly path: readonly (string | number)[]
}

/** What is answered to requests that fit. */
export interface AnswerRule {
  readonly request: MapNode
  readonly replies: readonly ReplyDocument[]
}

/** Rules by the name of a system, connector or host, in the order in which they are tried. */
export type AnswerRules = ReadonlyMap<string, readonly AnswerRule[]>

export interface TestCase {
  readonly name: string
  readonly place: Place
  readonly path: readonly (string | number)[]
  /** Of the file, then of the case. */
  readonly given: readonly { readonly value: GivenDocument; readonly place: Place }[]
  readonly answers: AnswerRules
  readonly steps: readonly TestStep[]
  readonly expect?: MapNode
}

export interface TestFile {
  readonly file: string
  readonly configs: readonly string[]
  readonly variables: Variables
  readonly now: number
  readonly cases: readonly TestCase[]
}

const DEFAULT_NOW = '2026-01-05T09:00:00Z'

/** @throws ConfigError with every problem of all files. */
export function readTestFiles(files: readonly string[]): TestFile[] {
  const problems = new Problems()
  const tests = readSources(files, problems).flatMap(source => readTestFile(source, problems) ?? [])
  problems.throwIfAny(files.map(file => resolve(file)))
  return tests
}

function readTestFile(source: YamlFile, problems: Problems): TestFile | undefined {
  // Once for the variables, which the rest of the file may refer to.
  const [first] = readYaml(source, testVariables({}), new Problems())
  const variables = testVariables(envOf(first))
  const [root] = readYaml(source, variables, problems)
  if (!root) return undefined
  const load: LoadContext = {
    problems,
    secrets: new Secrets(),
    warnings: new Set(),
    broken: new Set(),
    files: new Map(),
    expressions: [],
  }
  const before = problems.count
  const document = checkValue(viewOf(TestSchema), root, [], { load }) as TestDocument
  if (problems.count > before || root.kind !== 'map') return undefined
  const configs = configsOf(source.file, document, root, problems)
  const cases = [...entriesAt(root, 'cases')].map(([name, node]) =>
    readCase(name, node as MapNode, document, root, problems),
  )
  return { file: source.file, configs, variables, now: Date.parse(document.now ?? DEFAULT_NOW), cases }
}

function envOf(root: Node | undefined): Record<string, unknown> {
  const env = root?.kind === 'map' ? root.entries.get('env') : undefined
  return env?.kind === 'map' ? (plainOf(env) as Record<string, unknown>) : {}
}

function configsOf(file: string, { config }: TestDocument, root: MapNode, problems: Problems): string[] {
  if (config !== undefined) return [config].flat()
  const beside = resolve(dirname(file), file.replace(/\.test\.yaml$/, '.yaml'))
  if (beside !== file && existsSync(beside)) return [beside]
  const message = `there is no ${beside} to be tested`
  problems.add(root.place, ['config'], 'missing', message, 'config: ./<file>.yaml')
  return []
}

function readCase(name: string, node: MapNode, document: TestDocument, root: MapNode, problems: Problems): TestCase {
  const path = ['cases', name]
  const own = document.cases[name] as CaseDocument
  const given = [
    { value: document.given, node: root.entries.get('given') },
    { value: own.given, node: node.entries.get('given') },
  ]
  const expect = node.entries.get('expect')
  return {
    name,
    place: keyPlaceOf(node),
    path,
    given: given.flatMap(({ value, node: at }) => (value && at ? [{ value, place: keyPlaceOf(at) }] : [])),
    answers: together(answersOf(node), answersOf(root)),
    steps: listAt(node, 'do').flatMap((step, at) =>
      readStep(step as MapNode, own.do![at]!, [...path, 'do', at], problems),
    ),
    ...(expect?.kind === 'map' && { expect }),
  }
}

function readStep(
  node: MapNode,
  step: StepDocument,
  path: readonly (string | number)[],
  problems: Problems,
): TestStep[] {
  const [verb, ...others] = [...node.entries.keys()] as Verb[]
  if (verb !== undefined && others.length === 0)
    return [{ verb, args: step[verb], node: node.entries.get(verb)!, path: [...path, verb] }]
  const message =
    verb === undefined ? 'a step says what happens' : `a step is one thing, and this is ${1 + others.length}`
  problems.add(node.place, path, 'step', message, `one of ${VERBS.join(', ')} in each`)
  return []
}

const VERBS = ['post', 'create', 'update', 'delete', 'trigger', 'after', 'redrive', 'expect']

/** A case's own answers go before those of the file. */
function together(first: AnswerRules, second: AnswerRules): AnswerRules {
  const names = new Set([...first.keys(), ...second.keys()])
  return new Map([...names].map(name => [name, [...(first.get(name) ?? []), ...(second.get(name) ?? [])]]))
}

function answersOf(node: MapNode): AnswerRules {
  return new Map(
    [...entriesAt(node, 'answers')].map(([name, rules]) => [
      name,
      (rules as ListNode).items.map(rule => ({
        request: asTexts(mapWhere(rule as MapNode, key => key !== 'answer')) as MapNode,
        replies: [plainOf((rule as MapNode).entries.get('answer')!)].flat() as ReplyDocument[],
      })),
    ]),
  )
}

function entriesAt(node: MapNode, key: string): ReadonlyMap<string, Node> {
  const entry = node.entries.get(key)
  return entry?.kind === 'map' ? entry.entries : new Map()
}

function listAt(node: MapNode, key: string): readonly Node[] {
  const entry = node.entries.get(key)
  return entry?.kind === 'list' ? entry.items : []
}
