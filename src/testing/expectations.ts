import type { ConfigPath } from '../config/config.ts'
import { keyPlaceOf, type MapNode, type Node, type Place } from '../config/node.ts'
import { nearest } from '../nearest.ts'
import type { ListedLetter } from '../runtime/dead-letters.ts'
import type { FlowReport } from '../runtime/operations.ts'
import { asTexts } from './as-texts.ts'
import type { Bench } from './bench.ts'
import { listMismatches } from './match-list.ts'
import type { Mismatch } from './matches.ts'

type Check = (bench: Bench, node: Node, path: ConfigPath) => Mismatch[] | Promise<Mismatch[]>

const CHECKS: Readonly<Record<string, Check>> = {
  records: ({ workspaces }, node, path) =>
    eachNamed(node, path, [...workspaces.keys()], (system, objects, at) => {
      const workspace = workspaces.get(system)!
      return eachNamed(objects, at, workspace.objects, (object, records, place) =>
        amount(records, workspace.rows(object), place, object),
      )
    }),
  calls: ({ network }, node, path) =>
    eachNamed(node, path, network.names, (name, calls, at) =>
      amount(asTexts(calls), network.callsTo(name), at, 'call'),
    ),
  mails: ({ mails }, node, path) => amount(node, mails, path, 'mail'),
  async deadLetters(bench, node, path) {
    return amount(node, (await openLetters(bench)).map(shownLetter), path, 'dead letter')
  },
  async skipped(bench, node, path) {
    const { flows } = await bench.rest()
    return eachNamed(node, path, namesOf(flows), (flow, reasons, at) =>
      [...(reasons as MapNode).entries].flatMap(([reason, count]) =>
        amount(count, flows.find(({ name }) => name === flow)!.skipped[reason] ?? 0, [...at, reason], reason),
      ),
    )
  },
  async waiting(bench, node, path) {
    const { flows } = await bench.rest()
    return eachNamed(node, path, namesOf(flows), (flow, count, at) =>
      amount(count, flows.find(({ name }) => name === flow)!.parked, at, 'event'),
    )
  },
}

/** What an `expect` says and is not so. */
export async function unmet(bench: Bench, expect: MapNode, path: ConfigPath): Promise<Mismatch[]> {
  const found: Mismatch[] = []
  for (const [key, node] of expect.entries) found.push(...(await CHECKS[key]!(bench, node, [...path, key])))
  return found
}

/** What is so at the end of a case although no one says that it should. */
export async function unexpected(bench: Bench, expect: MapNode | undefined, place: Place): Promise<Mismatch[]> {
  const { flows, syncs } = await bench.rest()
  const found: Mismatch[] = []
  if (!expect?.entries.has('deadLetters')) {
    for (const { letter } of await openLetters(bench)) {
      const { flow, step, code, message } = letter
      const where = step === '' ? flow : `${flow}, step ${step}`
      found.push({
        place,
        path: [],
        message: `a dead letter that the test does not expect: ${where}: ${code}: ${message}`,
      })
    }
  }
  for (const { name, state, reason, parked, parkedNext } of flows) {
    if (state !== 'running' && state !== 'paused') {
      const why = reason ? `: ${reason.code}: ${reason.message}` : ''
      found.push({ place, path: [], message: `flow ${name} is ${state}${why}` })
    }
    if (parked === 0 || expect?.entries.has('waiting')) continue
    const why = parkedNext ? ` after ${parkedNext.code}: ${parkedNext.message}` : ''
    const hint = '`after` lets time pass, `waiting` in `expect` says that it is meant'
    found.push({ place, path: [], message: `flow ${name}: ${parked} events wait for another try${why}; ${hint}` })
  }
  for (const { name, state, reason } of syncs) {
    if (state === 'running' || state === 'paused') continue
    found.push({ place, path: [], message: `sync ${name} is ${state}${reason ? `: ${reason.message}` : ''}` })
  }
  for (const { name, call } of bench.network.unanswered) {
    const { headers: _headers, text: _text, ...shown } = call
    const message = `there is no answer for a call to ${name}; \`answers\` says what it gets`
    found.push({ place, path: [], message, found: shown })
  }
  return found
}

async function openLetters(bench: Bench): Promise<ListedLetter[]> {
  return bench.ask(bench.operations.listDeadLetters({}))
}

function shownLetter({ letter }: ListedLetter) {
  const { flow, step, code, message, status, event } = letter
  return { flow, step, code, message, ...(status !== undefined && { status }), data: event.data }
}

function namesOf(flows: readonly FlowReport[]): string[] {
  return flows.map(({ name }) => name)
}

/** A number says how many; a list says which, and `$includes` some of them. */
function amount(node: Node, found: readonly unknown[] | number, path: ConfigPath, one: string): Mismatch[] {
  if (node.kind === 'list' && typeof found !== 'number') return listMismatches(node, found, path, one)
  const some = node.kind === 'map' ? node.entries.get('$includes') : undefined
  if (some?.kind === 'list' && typeof found !== 'number')
    return listMismatches(some, found, [...path, '$includes'], one, true)
  const count = typeof found === 'number' ? found : found.length
  const expected = node.kind === 'scalar' ? node.value : undefined
  return expected === count ? [] : [{ place: node.place, path, message: `how many: ${one}`, expected, found: count }]
}

function eachNamed(
  node: Node,
  path: ConfigPath,
  known: readonly string[],
  check: (name: string, node: Node, path: ConfigPath) => Mismatch[],
): Mismatch[] {
  return [...(node as MapNode).entries].flatMap(([name, value]) => {
    if (known.includes(name)) return check(name, value, [...path, name])
    const meant = nearest(name, known)
    const hint = meant ? `is ${meant} meant?` : `there are ${known.join(', ') || 'none'}`
    return [{ place: keyPlaceOf(value), path: [...path, name], message: `nothing is called "${name}" here; ${hint}` }]
  })
}
