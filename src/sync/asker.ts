import { applyAnswers, type BodyReading, readBody } from './answers.ts'
import type { SyncContext } from './context.ts'
import { type Link, SIDES } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import type { PeerOptions } from './peer.ts'
import {
  type Asked,
  type Board,
  contestedOf,
  isSameContest,
  mayBeAsked,
  NO_BOARD,
  type Question,
  takesPlace,
  taskIdOf,
} from './question.ts'
import { bodyOf, closingBody, type QuestionText, titleOf } from './question-text.ts'
import type { Task, TaskChange, Tasks } from './tasks.ts'

/** Values of a contest that goes on are written into its task no more often than this. */
const UPDATE_EVERY_MS = 30_000
/** Steps of one question in a row: more than any takes that nobody disturbs. */
const MOST_STEPS = 8
/** Numbers of questions outlive every event that can still be read again. */
const CLOSED_MS = 100 * 24 * 3_600_000

export type Tended =
  | { readonly status: 'rest' }
  /** All places are taken. */
  | { readonly status: 'waiting'; readonly since: number }
  /** To be looked at again after so many milliseconds. */
  | { readonly status: 'later'; readonly ms: number }

interface Move {
  readonly status: 'open' | 'visit'
  readonly question: Question
  readonly link: Link | undefined
}

type Step = Tended | Move

/** What a look at the task led to: the row as it will be once the task says so too. */
interface Plan {
  readonly task: Task
  readonly change: TaskChange
  readonly next: Question
}

/**
 * Brings the task of one pair to say what its fields need, and its answers into the link. Every step is a commit, or a
 * call that may be made twice: whoever comes after a crash goes on where it was.
 */
export class Asker {
  readonly #context: SyncContext
  readonly #tasks: Tasks
  readonly #decided: (link: string) => void

  /** @param decided a link has something to write now. */
  constructor(context: SyncContext, tasks: Tasks, decided: (link: string) => void) {
    this.#context = context
    this.#tasks = tasks
    this.#decided = decided
  }

  /** @throws SyncError of the state or of a call. */
  async tend(id: string, options: PeerOptions): Promise<Tended> {
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const step = await this.#step(id)
      if (!('question' in step)) return step
      if (step.status === 'open') await this.#open(id, step, options)
      else await this.#visit(id, step.question, options)
    }
    return { status: 'later', ms: UPDATE_EVERY_MS }
  }

  // --- what is next

  #step(id: string): Promise<Step> {
    const { store, keys } = this.#context
    return store.transact(async transaction => {
      const link = await transaction.link(id)
      const question = (await transaction.value(keys.question(id))) as Question | undefined
      const contested = this.#contested(link)
      const isFree = !question || question.phase === 'closed' || question.phase === 'dismissed'
      if (isFree) return this.#begin(transaction, id, link, question, contested)
      if (question.phase === 'opening') return { status: 'open', question, link }
      if (question.phase === 'closing' || question.heard !== undefined) return { status: 'visit', question, link }
      return this.#compare(id, link, question, contested)
    })
  }

  async #begin(
    transaction: LinkTransaction,
    id: string,
    link: Link | undefined,
    last: Question | undefined,
    contested: Record<string, Asked>,
  ): Promise<Step> {
    const { keys, env, identity, config } = this.#context
    const names = Object.keys(contested)
    const isNew = names.some(name => !isSameContest(last?.asked[name], contested[name]!))
    if (last?.phase === 'dismissed' && names.length === 0) transaction.set(keys.question(id), closed(last), CLOSED_MS)
    if (!link || names.length === 0 || !mayBeAsked(link)) return { status: 'rest' }
    // A person who deleted the task is not asked the same again.
    if (last?.phase === 'dismissed' && !isNew) return { status: 'rest' }
    const board = await this.#board(transaction)
    if (board.open >= config.tasks!.most) {
      return { status: 'waiting', since: Math.min(...Object.values(contested).map(({ since }) => since)) }
    }
    const number = (last?.number ?? 0) + 1
    const openedAt = env.clock.now()
    const task = taskIdOf(identity, id, number, contested)
    const question: Question = { phase: 'opening', number, task, openedAt, asked: contested, open: names }
    // P3: the task's id is durable before the call, and with it where its events belong.
    transaction.set(keys.question(id), question)
    transaction.set(keys.board, { ...board, open: board.open + 1 })
    await setKey(transaction, keys.task(task), id)
    link.task = { id: task, openedAt }
    await this.#put(transaction, link)
    return { status: 'open', question, link }
  }

  #compare(id: string, link: Link | undefined, question: Question, contested: Record<string, Asked>): Step {
    const names = Object.keys(contested)
    if (names.length === 0) return { status: 'visit', question, link }
    const text = this.#text(id, link, question, contested)
    if (bodyOf(text) === question.body) return { status: 'rest' }
    const isSame =
      names.length === question.open.length &&
      question.open.every(name => contested[name] && isSameContest(question.asked[name], contested[name]))
    const waitMs = (question.writtenAt ?? 0) + UPDATE_EVERY_MS - this.#context.env.clock.now()
    if (isSame && waitMs > 0) return { status: 'later', ms: waitMs }
    return { status: 'visit', question, link }
  }

  // --- making the task

  async #open(id: string, { question, link }: Move, options: PeerOptions): Promise<void> {
    const { config, env, store, keys } = this.#context
    const text = { config, link, id, asked: question.asked, open: question.open, openedAt: question.openedAt }
    const body = bodyOf(text)
    const about = SIDES.flatMap(side => {
      const record = link?.[side]
      return record && config[side].system === this.#tasks.system
        ? [{ object: config[side].object, id: record.id }]
        : []
    })
    const { assignee } = config.tasks!
    const draft = { id: question.task, title: titleOf(text), body, about, ...(assignee && { assignee }) }
    const { version, problem } = await this.#tasks.open(draft, options)
    if (problem) env.logger.warn({ sync: config.name, task: question.task }, `${config.name}: ${problem}`)
    await store.transact(async transaction => {
      const now = (await transaction.value(keys.question(id))) as Question | undefined
      if (now?.phase !== 'opening' || now.task !== question.task) return
      const opened: Question = { ...now, phase: 'open', writtenAt: env.clock.now(), body, ...(version && { version }) }
      transaction.set(keys.question(id), opened)
    })
  }

  // --- looking at it

  async #visit(id: string, question: Question, options: PeerOptions): Promise<void> {
    const task = await this.#tasks.read(question.task, options)
    const { store } = this.#context
    let decided = false
    const plan = await store.transact(async transaction => {
      decided = false
      const now = await this.#stillOpen(transaction, id, question.task)
      if (!now) return undefined
      const link = await transaction.link(id)
      if (!task || task.deleted) {
        await this.#dismiss(transaction, id, link, now)
        return undefined
      }
      const reading = readBody(this.#context, now, task.body)
      if (link && now.phase === 'open') {
        decided = applyAnswers(this.#context, link, now, task, reading.ticks).length > 0
        if (decided) await transaction.put(link, { due: true })
      }
      const planned = this.#planned(id, link, now, task, reading)
      // Answers are in the link from here on: what was heard is done with, unless more was heard since.
      const { heard, ...rest } = now
      const phase = planned.next.phase === 'closed' ? 'closing' : 'open'
      transaction.set(this.#context.keys.question(id), {
        ...rest,
        phase,
        ...(heard !== undefined && heard !== question.heard && { heard }),
      })
      return planned
    })
    if (decided) this.#decided(id)
    if (plan) await this.#write(id, plan, options)
  }

  #planned(id: string, link: Link | undefined, now: Question, task: Task, { ticks, notes }: BodyReading): Plan {
    const contested = now.phase === 'closing' ? {} : this.#contested(link)
    const text = this.#text(id, link, now, contested)
    const { asked, open } = text
    const withNotes = (body: string) => [body, ...notes].join('\n\n')
    if (open.length === 0) {
      const change = { body: withNotes(closingBody(text)), done: true }
      return { task, change, next: { ...now, phase: 'closed' } }
    }
    const body = bodyOf(text)
    const next: Question = { ...now, asked, open, body }
    // Done, and yet something is left that the person could not know of.
    const reopening = task.done ? { done: false } : {}
    if (body === now.body) return { task, change: reopening, next }
    const kept = [...ticks].filter(([name]) => sameValues(now.asked[name], asked[name]))
    const change = { title: titleOf(text), body: withNotes(bodyOf(text, new Map(kept))), ...reopening }
    return { task, change, next }
  }

  async #write(id: string, { task, change, next }: Plan, options: PeerOptions): Promise<void> {
    const isNothing = Object.keys(change).length === 0
    const version = isNothing ? task.version : await this.#tasks.update(task.id, change, task.version, options)
    // Somebody was faster: it is looked at again.
    if (version === undefined) return
    const { store, keys, env } = this.#context
    await store.transact(async transaction => {
      const now = await this.#stillOpen(transaction, id, task.id)
      if (!now) return
      if (next.phase === 'closed') {
        await this.#free(transaction, id, await transaction.link(id), closed(now))
        return
      }
      const { asked, open, body } = next
      const writtenAt = isNothing ? now.writtenAt : env.clock.now()
      transaction.set(keys.question(id), { ...now, asked, open, body, version, ...(writtenAt && { writtenAt }) })
    })
  }

  #contested(link: Link | undefined): Record<string, Asked> {
    return contestedOf(link, this.#context.mapping)
  }

  async #stillOpen(transaction: LinkTransaction, id: string, task: string): Promise<Question | undefined> {
    const now = (await transaction.value(this.#context.keys.question(id))) as Question | undefined
    return takesPlace(now) && now.task === task ? now : undefined
  }

  /** A person deleted the task: what it asked stays contested, and is not asked again. */
  async #dismiss(transaction: LinkTransaction, id: string, link: Link | undefined, now: Question): Promise<void> {
    const isContested = now.open.some(name => link?.fields[name]?.held)
    await this.#free(transaction, id, link, isContested ? { ...closed(now), phase: 'dismissed' } : closed(now))
  }

  async #free(transaction: LinkTransaction, id: string, link: Link | undefined, next: Question): Promise<void> {
    const { keys } = this.#context
    const board = await this.#board(transaction)
    transaction.set(keys.board, { ...board, open: Math.max(0, board.open - 1) })
    await setKey(transaction, keys.task(next.task), undefined)
    transaction.set(keys.question(id), next, next.phase === 'closed' ? CLOSED_MS : undefined)
    if (link?.task?.id !== next.task) return
    delete link.task
    await this.#put(transaction, link)
  }

  /** Nothing about what the link has to write changes by it. */
  async #put(transaction: LinkTransaction, link: Link): Promise<void> {
    const due = (await transaction.value(this.#context.keys.due(link.id))) !== undefined
    await transaction.put(link, { due })
  }

  async #board(transaction: LinkTransaction): Promise<Board> {
    return ((await transaction.value(this.#context.keys.board)) as Board | undefined) ?? NO_BOARD
  }

  #text(id: string, link: Link | undefined, question: Question, contested: Record<string, Asked>): QuestionText {
    const { config } = this.#context
    const asked = { ...question.asked, ...contested }
    return { config, link, id, asked, open: Object.keys(contested), openedAt: question.openedAt }
  }
}

function closed({ number, task, openedAt, asked, open }: Question): Question {
  return { phase: 'closed', number, task, openedAt, asked, open }
}

function sameValues(a: Asked | undefined, b: Asked | undefined): boolean {
  return SIDES.every(side => JSON.stringify(a?.[side].value) === JSON.stringify(b?.[side].value))
}

async function setKey(transaction: LinkTransaction, key: string, value: unknown): Promise<void> {
  await transaction.prefetch([key])
  transaction.set(key, value)
}
