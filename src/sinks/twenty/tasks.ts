import type { TwentyClient } from '../../clients/twenty/client.ts'
import { anyOf, unchangedSince, withDeleted } from '../../clients/twenty/filter.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import type { Row } from '../../clients/twenty/records.ts'
import type { TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import type { Clock } from '../../environment.ts'
import { asSyncError } from '../../errors.ts'
import type { ChangeEvent, Fields } from '../../event.ts'
import { derivedId } from '../../identity.ts'
import type { PeerOptions } from '../../sync/peer.ts'
import type { Opened, Task, TaskChange, TaskDraft, Tasks } from '../../sync/tasks.ts'
import { linkColumn, targetsObject } from './links.ts'
import { Members } from './members.ts'
import { noAnswer } from './outcomes.ts'
import { changeOf, recordOf } from './peer-record.ts'
import { blocknoteLines } from './task-body.ts'

/** Tasks of a workspace, by which a sync asks people. */
export class TwentyTasks implements Tasks {
  readonly system: string
  readonly #client: TwentyClient
  readonly #members: Members

  constructor(system: string, client: TwentyClient, clock: Clock) {
    this.system = system
    this.#client = client
    this.#members = new Members(client, clock)
  }

  async open(draft: TaskDraft, options: PeerOptions): Promise<Opened> {
    const schema = await this.#client.schemas.get(options)
    const object = schema.object('task')
    const { assignee, problem } = await this.#assignee(draft, schema, options)
    const row = { ...rowOf(object, { title: draft.title, body: draft.body, done: false }), ...assignee, id: draft.id }
    const version = await this.#create(object, row, options)
    for (const about of draft.about) await this.#show(draft.id, about, schema, options)
    return { ...(version !== undefined && { version }), ...(problem && { problem }) }
  }

  async read(id: string, options: PeerOptions): Promise<Task | undefined> {
    const object = (await this.#client.schemas.get(options)).object('task')
    const { rows } = await this.#client.find(object, { filter: withDeleted(anyOf('id', [id])) }, options)
    const row = rows.find(each => each.id === id)
    return row && taskOf(row)
  }

  async update(id: string, change: TaskChange, version: string, options: PeerOptions): Promise<string | undefined> {
    const object = (await this.#client.schemas.get(options)).object('task')
    const values = rowOf(object, change)
    const rows = await this.#client.updateWhere(object, unchangedSince(id, version), values, options)
    const row = rows.find(each => each.id === id)
    return row && recordOf(row).version
  }

  eventOf(event: ChangeEvent): { id: string; version: string } {
    const { id, version } = changeOf(event).record
    return { id, version }
  }

  /** P3: under the id that it is given; undefined where there is one already. */
  async #create(object: TwentyObject, row: Row, options: PeerOptions): Promise<string | undefined> {
    try {
      const created = (await this.#client.create(object, [row], options)).find(({ id }) => id === row.id)
      if (!created) throw noAnswer(object.name, row.id)
      return recordOf(created).version
    } catch (thrown) {
      if (asSyncError(thrown).code === 'TWENTY_DUPLICATE') return undefined
      throw thrown
    }
  }

  /** A record at which this workspace shows no tasks, or that is gone, does not keep people from being asked. */
  async #show(task: string, about: TaskDraft['about'][number], schema: TwentySchema, options: PeerOptions) {
    try {
      const targets = targetsObject(schema.object('task'), schema)
      const row = {
        id: derivedId(task, 'target', about.object, about.id),
        taskId: task,
        [linkColumn(targets, about.object)]: about.id,
      }
      await this.#client.create(targets, [row], options)
    } catch (thrown) {
      if (asSyncError(thrown).kind !== 'rejected') throw thrown
    }
  }

  async #assignee(
    { assignee }: TaskDraft,
    schema: TwentySchema,
    options: PeerOptions,
  ): Promise<{ assignee: Fields; problem?: string }> {
    if (assignee === undefined) return { assignee: {} }
    const email = assignee.toLowerCase()
    const id = (await this.#members.withEmails([email], schema, options)).get(email)
    if (id !== undefined) return { assignee: { assigneeId: id } }
    return {
      assignee: {},
      problem: `no workspace member of ${this.system} has the e-mail ${assignee}: the task is nobody's`,
    }
  }
}

function rowOf(object: TwentyObject, { title, body, done }: TaskChange): Fields {
  return {
    ...(title !== undefined && { title }),
    // Servers before the block editor's second form have one text.
    ...(body !== undefined && (object.columns.has('bodyV2') ? { bodyV2: { markdown: body } } : { body })),
    ...(done !== undefined && { status: done ? 'DONE' : 'TODO' }),
  }
}

function taskOf(row: Row): Task {
  const { id, version, deleted } = recordOf(row)
  const { updatedBy } = row
  const by = isFields(updatedBy) && typeof updatedBy.name === 'string' ? updatedBy.name : ''
  return {
    id,
    version,
    title: typeof row.title === 'string' ? row.title : '',
    body: bodyOf(row),
    done: row.status === 'DONE',
    deleted,
    ...(by && { by }),
  }
}

function bodyOf({ bodyV2, body }: Row): string {
  if (!isFields(bodyV2)) return typeof body === 'string' ? body : ''
  const { markdown, blocknote } = bodyV2
  // The editor saves its own form; where the server could not derive the other, that alone has the ticks.
  if (typeof markdown === 'string' && markdown.trim() !== '') return markdown
  return typeof blocknote === 'string' ? blocknoteLines(blocknote) : ''
}
