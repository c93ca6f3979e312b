import isPlainObject from 'lodash/isPlainObject.js'
import { SyncError } from '../errors.ts'
import type { ChangeEvent, Fields } from '../event.ts'
import { derivedId } from '../identity.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import { originalOf, type StoredLetter } from './dead-letter.ts'
import type { LoneItem } from './run.ts'

const TYPE = 'item.redriven'

interface Content extends Pick<StoredLetter, 'event' | 'raw'> {
  readonly item: LoneItem
}

/**
 * An item that goes back to its flow alone. A run of its own, because that of its event has ended; of the same record and
 * time, so that order and the stale rule hold. P3: the same failure is redriven once, however often it is sent.
 */
export function itemEvent(letter: StoredLetter & Content, place: { partition: number; offset: number }): ChangeEvent {
  const { id, event, raw, item } = letter
  const { source, subject, time, key } = event
  const content: Content = { event, item, ...(raw !== undefined && { raw }) }
  return {
    id: derivedId('item', id, String(place.partition), String(place.offset)),
    type: TYPE,
    source,
    subject,
    time,
    key,
    data: { ...content },
  }
}

/** What a person corrects of an item is corrected in its value. @throws SyncError rejected `NOT_A_RECORD` */
export function correctedItem(item: LoneItem, set: Fields): LoneItem {
  if (isPlainObject(item.value)) return { ...item, value: { ...(item.value as Fields), ...set } }
  const message = `item "${item.key}" of step "${item.each}" is no record, whose fields could be set: redrive it as it is, or discard it`
  throw new SyncError('rejected', 'NOT_A_RECORD', message)
}

/** The event that a run is about and, where one item of it comes alone, that item. */
export function subjectOf(
  { event, topic }: LoggedEvent,
  redriveTopic: string,
): { readonly event: ChangeEvent; readonly item?: LoneItem } {
  if (topic !== redriveTopic || event.type !== TYPE) return { event }
  const content = event.data as unknown as Content
  return { event: originalOf(content), item: content.item }
}
