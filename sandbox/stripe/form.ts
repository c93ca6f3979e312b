/** What Stripe takes in queries and bodies: names like `address[city]` and `lines[0][amount]`. Every value is text. */
export type Params = { readonly [name: string]: Param }
export type Param = string | Params | readonly Param[]

export function parseForm(text: string): Params {
  const root: Tree = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const path = name.split(/[[\]]+/).filter((part, at) => part !== '' || at === 0)
    let place = root
    for (const part of path.slice(0, -1)) place = below(place, part)
    place[path.at(-1)!] = value
  }
  return listed(root) as Params
}

interface Tree {
  [name: string]: string | Tree
}

function below(place: Tree, part: string): Tree {
  const next = place[part]
  if (typeof next === 'object') return next
  const made: Tree = {}
  place[part] = made
  return made
}

/** Maps whose names count from 0 are lists. */
function listed(value: string | Tree): Param {
  if (typeof value === 'string') return value
  const names = Object.keys(value)
  if (names.length > 0 && names.every((name, at) => name === String(at))) return names.map(name => listed(value[name]!))
  return Object.fromEntries(names.map(name => [name, listed(value[name]!)]))
}

export function textOf(params: Params, name: string): string | undefined {
  const value = params[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function mapOf(params: Params, name: string): Params {
  const value = params[name]
  return typeof value === 'object' && !Array.isArray(value) ? (value as Params) : {}
}
