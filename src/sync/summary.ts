import { derivedId } from '../identity.ts'
import type { SyncContext } from './context.ts'
import type { PeerOptions } from './peer.ts'
import { type Board, NO_BOARD, type Summary } from './question.ts'
import type { Tasks } from './tasks.ts'

const MOST_STEPS = 6

/** The one task that says how many questions wait for a place. */
export class SummaryTask {
  readonly #context: SyncContext
  readonly #tasks: Tasks

  constructor(context: SyncContext, tasks: Tasks) {
    this.#context = context
    this.#tasks = tasks
  }

  /** @param count how many wait. */
  async tend(count: number, options: PeerOptions): Promise<void> {
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const summary = await this.#begin(count)
      if (!summary) return
      if (summary.phase === 'opening') await this.#open(summary, options)
      else if (summary.phase === 'dismissed' || (summary.count === count && summary.phase === 'open')) return
      else await this.#update(summary, count, options)
    }
  }

  #begin(count: number): Promise<Summary | undefined> {
    const { identity, env } = this.#context
    return this.#change(board => {
      const { summary } = board
      if (!summary && count > 0) {
        const summaries = (board.summaries ?? 0) + 1
        const task = derivedId('questions', identity, String(summaries), String(env.clock.now()))
        return { ...board, summaries, summary: { phase: 'opening', task, count } }
      }
      // Whoever deleted it, or set it to done, is told again when it comes to that again.
      if (summary?.phase === 'dismissed' && count === 0) return without(board)
      if (summary?.phase === 'open' && count === 0) return { ...board, summary: { ...summary, phase: 'closing' } }
      if (summary?.phase === 'closing' && count > 0) return { ...board, summary: { ...summary, phase: 'open' } }
      return board
    })
  }

  async #open(summary: Summary, options: PeerOptions): Promise<void> {
    const { assignee } = this.#context.config.tasks!
    const draft = { id: summary.task, ...this.#text(summary.count), about: [], ...(assignee && { assignee }) }
    await this.#tasks.open(draft, options)
    await this.#become(summary, { ...summary, phase: 'open' })
  }

  async #update(summary: Summary, count: number, options: PeerOptions): Promise<void> {
    const task = await this.#tasks.read(summary.task, options)
    if (!task || task.deleted || task.done) {
      await this.#become(summary, summary.phase === 'closing' ? undefined : { ...summary, phase: 'dismissed' })
      return
    }
    const isClosing = summary.phase === 'closing'
    const change = isClosing ? { ...this.#text(0), done: true } : this.#text(count)
    const version = await this.#tasks.update(task.id, change, task.version, options)
    if (version !== undefined) await this.#become(summary, isClosing ? undefined : { ...summary, count })
  }

  async #become(before: Summary, next: Summary | undefined): Promise<void> {
    await this.#change(board => {
      if (board.summary?.task !== before.task) return board
      return next ? { ...board, summary: next } : without(board)
    })
  }

  #change(work: (board: Board) => Board): Promise<Summary | undefined> {
    const { store, keys } = this.#context
    return store.transact(async transaction => {
      const board = ((await transaction.value(keys.board)) as Board | undefined) ?? NO_BOARD
      const next = work(board)
      if (next !== board) transaction.set(keys.board, next)
      return next.summary
    })
  }

  #text(count: number): { title: string; body: string } {
    const { name, tasks } = this.#context.config
    if (count === 0)
      return { title: `${name}: no more questions wait`, body: 'Every open question has a task of its own.' }
    const more = count === 1 ? '1 more question waits' : `${count} more questions wait`
    return {
      title: `${name}: ${more}`,
      body: `${tasks!.most} tasks of the sync ${name} are open, and no more are made at a time. ${more}; \`twenty-sync conflicts list\` shows them. Each gets its task as soon as another one is done. This task closes by itself.`,
    }
  }
}

function without({ summary: _, ...board }: Board): Board {
  return board
}
