import { type RestClient, resourceOf } from '../../clients/rest/client.ts'
import { normaliseValue } from '../../clients/rest/normalise.ts'
import { readPage } from '../../clients/rest/pages.ts'
import { topLevel } from '../../clients/rest/paths.ts'
import { findBy, readMany } from '../../clients/rest/read.ts'
import { completed, granularityMs, type RestRecord } from '../../clients/rest/record.ts'
import { isoOf } from '../../clients/rest/times.ts'
import { actionOf, type ChangeEvent, recordIdOf } from '../../event.ts'
import { nearest } from '../../nearest.ts'
import type { Peer, PeerChange, PeerOptions, PeerPage, PeerRecord, PeerWrite } from '../../sync/peer.ts'
import { choosesId, Writer } from './write.ts'

/** Calls of one record each, so many per call of ours; the client sends a few at a time. */
const AT_ONCE = 20

export function createPeer(client: RestClient, object: string): Peer {
  const resource = resourceOf(client, object)
  const { create, update, delete: remove, getMany, list, updatedAt } = resource
  const normalise = (path: string, value: unknown) => normaliseValue(resource, path, value)
  const show = (record: RestRecord): PeerRecord => ({
    id: record.id,
    version: isoOf(record.updatedAt ?? client.observedAt()),
    deleted: record.deleted,
    data: completed(record.data, resource),
  })
  const writer = new Writer({ client, object, resource, show, normalise })
  return {
    system: client.name,
    object,
    choosesId: create !== undefined && choosesId(create),
    conditional: update?.ifMatch !== undefined && (remove === undefined || remove.ifMatch !== undefined),
    restores: false,
    granularityMs: granularityMs(resource, client.config.pollEvery),
    batch: { read: getMany?.most ?? (getMany ? 50 : AT_ONCE), write: AT_ONCE, delete: AT_ONCE },
    // Without a time of its own a record's version is by our clock.
    clockOffsetMs: () => (updatedAt === undefined ? 0 : (client.clockOffset?.offsetMs ?? 0)),
    async list(cursor: unknown, options: PeerOptions): Promise<PeerPage> {
      const { records, next, total } = await readPage(client, resource, list, cursor, options)
      return {
        records: records.filter(({ deleted }) => !deleted).map(show),
        ...(next !== undefined && { next }),
        ...(total !== undefined && { total }),
      }
    },
    async get(ids, options) {
      const records = await readMany(client, resource, ids, options)
      return records.map(record => record && show(record))
    },
    async find(path, values, options) {
      return (await findBy(client, resource, path, values, options)).map(show)
    },
    write: (writes: readonly PeerWrite[], options) => Promise.all(writes.map(write => writer.write(write, options))),
    changeOf: event => changeOf(event, data => completed(data, resource)),
    normalise,
    async verify(uses) {
      const known = resource.fields && Object.keys(resource.fields)
      for (const { path, writes, problem } of uses) {
        if (writes && !update) problem(`systems.${client.name}.resources.${object} has no \`update\``)
        if (writes && (path === (resource.id ?? 'id') || path === updatedAt)) problem(`\`${path}\` is the system's own`)
        if (known && !known.some(name => name === path || name.startsWith(`${path}.`) || topLevel(path) === name)) {
          problem(
            `${object} of ${client.name} has no field "${path}"`,
            nearest(path, known) ?? `one of ${known.join(', ')}`,
          )
        }
      }
    },
  }
}

/** What `src/connectors/rest` put into an event. */
function changeOf(event: ChangeEvent, complete: (data: ChangeEvent['data']) => ChangeEvent['data']): PeerChange {
  const { changed, data, extensions = {}, time } = event
  const action = actionOf(event)
  const kind = action === 'destroyed' ? 'destroyed' : action === 'deleted' ? 'deleted' : 'present'
  const isWhole = kind !== 'destroyed' && extensions.incomplete === undefined
  return {
    kind,
    record: {
      id: recordIdOf(event),
      version: time,
      deleted: kind !== 'present',
      data: isWhole ? complete(data) : kind === 'destroyed' ? data : {},
    },
    // A poll compares states, so it cannot tell which change touched what.
    ...(changed && extensions.via === 'webhook' && { changed }),
    ...(extensions.incomplete !== undefined && { incomplete: true as const }),
    ...(extensions.actor !== undefined && { by: extensions.actor }),
  }
}
