import type { Peer } from '../../src/sync/peer.ts'

/** The peer with some methods in place of its own. */
export function withMethod(peer: Peer, methods: Partial<Peer>): Peer {
  return new Proxy(peer, {
    get(target, name) {
      if (name in methods) return methods[name as keyof Peer]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
