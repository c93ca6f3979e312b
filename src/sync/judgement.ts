import type { SideName } from '../config/config.ts'
import { SyncError } from '../errors.ts'
import { derivedId } from '../identity.ts'
import { nearest } from '../nearest.ts'
import { conflictOf } from './conflict.ts'
import { linkIdFor, planContext, type SyncContext } from './context.ts'
import type { Decided, Decision } from './decisions.ts'
import { isAlive, isUnclear, type Link, other, SIDES } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import { join } from './match.ts'
import { agree, resolveField } from './merge.ts'
import { newLink, observe } from './observe.ts'
import type { PeerRecord } from './peer.ts'
import { settle } from './plan.ts'

/** One decision about one link, within a transaction. */
export class Judgement {
  readonly #context: SyncContext
  readonly #transaction: LinkTransaction
  readonly #link: Link
  readonly #by: string
  readonly #record: PeerRecord | undefined

  constructor(
    context: SyncContext,
    transaction: LinkTransaction,
    link: Link,
    by: string,
    record: PeerRecord | undefined,
  ) {
    this.#context = context
    this.#transaction = transaction
    this.#link = link
    this.#by = by
    this.#record = record
  }

  async take(decision: Decision): Promise<Decided> {
    switch (decision.kind) {
      case 'take':
        return this.#store(this.#takeSide(decision.side, decision.fields))
      case 'delete':
        return this.#store(this.#deleteOther())
      case 'recreate':
        return this.#recreate()
      case 'unlink':
        return this.#store(this.#unlink())
      case 'relink':
        return this.#store(this.#relink())
      case 'apart':
        return this.#store(this.#standApart())
      case 'retry':
        return this.#store(this.#retry())
      case 'pair':
        return this.#pair(decision.record)
    }
  }

  async #store(decided: Omit<Decided, 'link'>, link = this.#link): Promise<Decided> {
    const { mapping, config } = this.#context
    const due = settle(link, mapping, config, planContext(this.#context))
    await this.#transaction.put(link, { due: Object.keys(due).length > 0 || isUnclear(link) })
    return { link: link.id, ...decided }
  }

  #takeSide(side: SideName, names: readonly string[] | undefined): Omit<Decided, 'link'> {
    const contested = Object.keys(this.#link.fields).filter(name => this.#link.fields[name]!.held)
    const chosen = names ?? contested
    if (chosen.length === 0)
      throw this.#wrong('no field of it is contested; name a field with --field to change a decision')
    for (const name of chosen) this.#takeField(name, side)
    const { system } = this.#context.config[side]
    const fields = chosen.map(name => `--field ${name}`).join(' ')
    return { does: `${chosen.join(', ')}: ${system} stands`, undo: `--take ${this.#argument(other(side))} ${fields}` }
  }

  #takeField(name: string, side: SideName): void {
    const { mapping } = this.#context
    const map = mapping.fields.find(each => each.name === name)
    const field = this.#link.fields[name]
    if (!map || !field)
      throw noSuchField(
        name,
        mapping.fields.map(each => each.name),
      )
    const plan = planContext(this.#context)
    const rule = `a person took ${this.#context.config[side].system}`
    if (field.held) {
      resolveField(this.#link, map, { side, by: this.#by, rule }, plan)
      return
    }
    const lost = field.why?.lost
    if (lost?.side !== side || !field.agreed) {
      throw this.#wrong(
        `${name} is not contested, and no value of ${this.#context.config[side].system} lost to the agreed one`,
      )
    }
    const { value, at, by } = field.agreed
    field.recent = []
    const winner = { side, value: lost.value, at: plan.now, by: this.#by }
    agree(this.#link, field, map, winner, { rule, lost: { side: other(side), value, at, ...(by && { by }) } }, plan)
  }

  #deleteOther(): Omit<Decided, 'link'> {
    const { hold } = this.#link
    if (hold?.kind !== 'delete') throw this.#wrong('none of its records was deleted')
    delete this.#link.hold
    this.#link.decided = { kind: 'delete', at: this.#context.env.clock.now() }
    const side = other(hold.side)
    return { does: `${this.#named(side)} is deleted too` }
  }

  async #recreate(): Promise<Decided> {
    const { hold } = this.#link
    if (hold?.kind !== 'delete' && hold?.kind !== 'missing')
      throw this.#wrong('none of its records is deleted or missing')
    const { side } = hold
    delete this.#link.hold
    const name = this.#named(side)
    if (hold.kind === 'delete' && this.#record?.deleted) {
      this.#link.decided = { kind: 'restore', at: this.#context.env.clock.now() }
      return this.#store({ does: `${name} is taken out of the trash and gets what the other side has` })
    }
    const gone = this.#forget(side)
    const decided = await this.#store({ does: `${name} is created again, with a new id` })
    await this.#transaction.put(gone, { due: false })
    return decided
  }

  /** P7: what is told late of the record that is gone must neither find this link nor begin a new pair. */
  #forget(side: SideName): Link {
    const link = this.#link
    const gone = link[side]!
    const { identity, env } = this.#context
    const at = env.clock.now()
    const id = derivedId('tombstone', identity, side, gone.id)
    const deleted = gone.deleted ?? { version: gone.version, at, proof: 'pull' as const }
    delete link[side]
    delete link.decided
    link.made = { ...link.made, [side]: (link.made?.[side] ?? 0) + 1 }
    delete link.stamped?.[side]
    for (const field of Object.values(link.fields)) field[side] = {}
    return { ...newLink(id), [side]: { ...gone, deleted }, ended: { at, why: 'deleted' } }
  }

  #unlink(): Omit<Decided, 'link'> {
    if (this.#link.ended) throw this.#wrong('it is no pair any more')
    if (!this.#link.left || !this.#link.right)
      throw this.#wrong('it has one record only; --apart says that it stays alone')
    this.#link.ended = { at: this.#context.env.clock.now(), why: 'unlinked' }
    delete this.#link.hold
    delete this.#link.decided
    return { does: 'the two are kept in step no more; neither was touched', undo: '--relink' }
  }

  #relink(): Omit<Decided, 'link'> {
    if (this.#link.ended?.why !== 'unlinked') throw this.#wrong('nobody unlinked it')
    delete this.#link.ended
    // What happened to them meanwhile counts, and is read first.
    for (const side of SIDES) if (isAlive(this.#link[side])) this.#link[side].unclear = true
    return { does: 'the two are a pair again; both are read before anything is written', undo: '--unlink' }
  }

  #standApart(): Omit<Decided, 'link'> {
    const { hold, left, right } = this.#link
    if (hold?.kind !== 'ambiguous') throw this.#wrong('no other record shares its key')
    delete this.#link.hold
    this.#link.apart = true
    const side: SideName = left && !right ? 'right' : 'left'
    const { system, create } = this.#context.config[side]
    return {
      does: create ? `it gets a counterpart of its own in ${system}` : `it stays alone: ${system} creates nothing`,
      ...(!create && { undo: '--pair <id of the record>' }),
    }
  }

  #retry(): Omit<Decided, 'link'> {
    const { hold } = this.#link
    if (hold?.kind !== 'rejected' && hold?.kind !== 'missing' && hold?.kind !== 'unknown') {
      throw this.#wrong('nothing of it was refused or not found')
    }
    delete this.#link.hold
    const seen = this.#link[hold.side]
    if (seen && hold.kind === 'missing') {
      delete seen.missing
      seen.unclear = true
    }
    return { does: hold.kind === 'missing' ? 'its record is looked for again' : 'the write is tried again' }
  }

  async #pair(recordId: string): Promise<Decided> {
    const link = this.#link
    const side = SIDES.find(each => isAlive(link[each]))
    if (link.ended || !side || link[other(side)]) throw this.#wrong('it is a pair already')
    const target = other(side)
    const { system, object } = this.#context.config[target]
    const record = this.#record
    if (!record) throw new SyncError('rejected', 'NO_SUCH_RECORD', `${system} has no ${object} ${recordId}`)
    if (record.deleted) {
      const message = `${object} ${recordId} is in the trash of ${system}; restore it there, then give the command again`
      throw new SyncError('rejected', 'NO_SUCH_RECORD', message)
    }
    const counterpart = await this.#holderOf(target, record)
    delete link.apart
    const pair = await join(this.#transaction, counterpart, link, side)
    delete pair.apart
    return this.#store({ does: `it is the counterpart of ${system} ${object} ${recordId}`, undo: '--unlink' }, pair)
  }

  /** The link of a record that has no counterpart; a new one where it was never seen. */
  async #holderOf(side: SideName, record: PeerRecord): Promise<Link> {
    const { env, peers, mapping } = this.#context
    const known = await this.#transaction.linkOf(side, record.id)
    const isTaken = known && (known[other(side)] || known.intent) && !known.ended
    if (isTaken) {
      const message = `${record.id} is the counterpart of ${known[other(side)]?.id ?? 'another one'}; unlink that pair (${known.id}) first`
      throw new SyncError('rejected', 'ALREADY_PAIRED', message)
    }
    const { identity } = this.#context
    const fresh = known
      ? derivedId('link', identity, side, record.id, known.id)
      : linkIdFor(this.#context, side, record.id)
    const link = known && !known.ended ? known : newLink(fresh)
    const offsetMs = peers[side].clockOffsetMs()
    observe(
      link,
      { side, source: 'read', change: { kind: 'present', record }, offsetMs, now: env.clock.now() },
      mapping,
    )
    return link
  }

  /** As `--take` takes it. */
  #argument(side: SideName): string {
    const { left, right } = this.#context.config
    return left.system === right.system ? side : this.#context.config[side].system
  }

  #named(side: SideName): string {
    const { system, object } = this.#context.config[side]
    return `${system} ${object} ${this.#link[side]?.id ?? ''}`.trim()
  }

  #wrong(why: string): SyncError {
    const waits = conflictOf(this.#link)
    const kind = waits ? `it waits as "${waits.kind}"` : 'nothing about it waits for a person'
    return new SyncError('rejected', 'NOT_DECIDABLE', `that does not fit the pair ${this.#link.id}: ${why}; ${kind}`)
  }
}

function noSuchField(name: string, known: readonly string[]): SyncError {
  const meant = nearest(name, known)
  const guess = meant === undefined ? '' : ` Did you mean "${meant}"?`
  return new SyncError(
    'rejected',
    'NO_SUCH_FIELD',
    `the sync has no field "${name}".${guess} There are: ${known.join(', ')}.`,
  )
}
