import get from 'lodash/get.js'
import type { SideName, SyncConfig, SyncFieldConfig } from '../config/config.ts'
import type { Expression } from '../config/definition.ts'
import { asSyncError, SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import { canonicalJson } from '../identity.ts'
import { normaliserOf } from './normalisers.ts'
import type { Peer } from './peer.ts'

/** What a record says about a field. */
export type Reading =
  | { readonly known: false }
  | { readonly known: true; readonly value: unknown }
  /** It has no counterpart on the other side. */
  | { readonly known: true; readonly problem: string }

/** One field of a sync, between native and canonical values. */
export interface FieldMap {
  readonly name: string
  readonly config: SyncFieldConfig
  /** Canonical value of the side's record. */
  read(side: SideName, data: Fields): Reading
  /** Native value. @throws SyncError rejected `NO_COUNTERPART`. */
  write(side: SideName, value: unknown): unknown
  same(a: unknown, b: unknown): boolean
  /** The side may be written to. */
  receives(side: SideName): boolean
}

export interface Mapping {
  readonly fields: readonly FieldMap[]
  /** Match keys of a record, best first, each with the path that it came from. Empty values give no key. */
  keysOf(side: SideName, data: Fields): { key: string; path: string; value: unknown }[]
  /** By `where`. A record that it cannot judge is left out, and says why. */
  takesPart(side: SideName, data: Fields): { readonly takesPart: boolean; readonly problem?: string }
  /** The mapped top-level fields of a record. */
  nativeOf(side: SideName, data: Fields): Fields
}

export type Peers = Readonly<Record<SideName, Peer>>

export function createMapping(config: SyncConfig, peers: Peers, compile: (source: string) => Expression): Mapping {
  const where = {
    left: config.left.where === undefined ? undefined : compile(config.left.where),
    right: config.right.where === undefined ? undefined : compile(config.right.where),
  }
  const keys = config.match.map(match => ({ ...match, normalised: normaliserOf(match.normalise) }))
  const columns = {
    left: columnsOf([...config.fields.map(field => field.left), ...config.match.map(match => match.left)]),
    right: columnsOf([...config.fields.map(field => field.right), ...config.match.map(match => match.right)]),
  }
  return {
    fields: config.fields.map(field => fieldMap(field, peers, compile)),
    keysOf(side, data) {
      return keys.flatMap((match, at) => {
        const path = match[side]
        const value = get(data, path)
        const normalised = match.normalised(peers[side].normalise(path, value))
        return normalised === '' ? [] : [{ key: `${at}:${normalised}`, path, value }]
      })
    },
    takesPart(side, data) {
      try {
        return { takesPart: where[side]?.evaluate({ data }) !== false }
      } catch (thrown) {
        return { takesPart: false, problem: `${side}.where: ${asSyncError(thrown).message}` }
      }
    },
    nativeOf: (side, data) =>
      Object.fromEntries(columns[side].filter(name => name in data).map(name => [name, data[name]])),
  }
}

function columnsOf(paths: readonly string[]): string[] {
  return [...new Set(paths.map(path => path.split('.')[0]!))]
}

function fieldMap(config: SyncFieldConfig, peers: Peers, compile: (source: string) => Expression): FieldMap {
  // One way, values are compared as the receiver has them: there may be no way back.
  const home: SideName = config.direction === 'to-right' ? 'right' : 'left'
  const convert = { left: conversion(config, 'left', compile), right: conversion(config, 'right', compile) }
  const equal = config.normalise === undefined ? undefined : normaliserOf(config.normalise)
  const comparable = comparison(config, equal)
  return {
    name: config.name,
    config,
    read(side, data) {
      const path = config[side]
      const native = get(data, path)
      if (native === undefined && !isCleared(data, path)) return { known: false }
      try {
        const own = peers[side].normalise(path, native)
        if (side === home) return { known: true, value: own }
        return { known: true, value: peers[home].normalise(config[home], convert[home](own, data)) }
      } catch (thrown) {
        return { known: true, problem: asSyncError(thrown).message }
      }
    },
    write: (side, value) => (side === home ? value : convert[side](value, {})),
    same: (a, b) => comparable(a) === comparable(b),
    receives: side => config.direction === 'both' || config.direction === `to-${side}`,
  }
}

/** `name.firstName` of `{ name: null }` is empty, not unknown. */
function isCleared(data: Fields, path: string): boolean {
  const parts = path.split('.')
  return parts.some((_, depth) => depth < parts.length - 1 && get(data, parts.slice(0, depth + 1)) === null)
}

function conversion(
  config: SyncFieldConfig,
  to: SideName,
  compile: (source: string) => Expression,
): (value: unknown, record: Fields) => unknown {
  const source = to === 'left' ? config.toLeft : config.toRight
  if (config.values) {
    const pairs = new Map(
      config.values.map(([left, right]) => (to === 'left' ? [key(right), left] : [key(left), right])),
    )
    return value => {
      if (value === null) return null
      if (pairs.has(key(value))) return pairs.get(key(value))
      throw noCounterpart(config, value, to)
    }
  }
  if (source === undefined) return value => value
  const expression = compile(source)
  return (value, record) => (value === null ? null : (expression.evaluate({ value, record }) ?? null))
}

function noCounterpart(config: SyncFieldConfig, value: unknown, to: SideName): SyncError {
  const message = `${config.name}: ${JSON.stringify(value)} has no counterpart on the ${to} side; add it to \`values\``
  return new SyncError('rejected', 'NO_COUNTERPART', message)
}

function comparison(
  config: SyncFieldConfig,
  normalised: ((value: unknown) => string) | undefined,
): (value: unknown) => string {
  if (config.policy.kind === 'union') {
    return value => (Array.isArray(value) ? canonicalJson([...new Set(value.map(key))].sort()) : key(value))
  }
  if (!normalised) return key
  return value => (typeof value === 'string' ? normalised(value) : key(value))
}

function key(value: unknown): string {
  return canonicalJson(value)
}
