import type { TextReads } from '../../config/definition.ts'
import type { Path, Read } from '../../shape.ts'
import type { Use } from './liquid.ts'
import { type TemplateArgs, templatesOf } from './template.ts'

/** What the templates of a mail read of the step's scope. */
export function templateReads(args: TemplateArgs): TextReads[] {
  return templatesOf(args).map(({ key, where, uses }) => {
    const seen = uses.filter(({ path: [name] }) => !(args.data && Object.hasOwn(args.data, name)))
    const file = key === 'template' ? where : undefined
    return {
      path: [key],
      reads: seen.filter(use => !use.mayLack).flatMap(use => readsOf(use, file)),
      mayLack: seen.filter(use => use.mayLack).flatMap(({ path }) => waysOf(path)),
    }
  })
}

function readsOf({ path, offset, line, column }: Use, file: string | undefined): Read[] {
  const place = file === undefined ? '' : `${file}:${line}:${column}: `
  return waysOf(path).map(way => {
    const before = textOf(way.slice(0, -1))
    return { path: way, text: place + textOf(way), before, ...(file === undefined && { offset }) }
  })
}

/** `data`, `data.emails`, `data.emails.primaryEmail` without the first. */
function waysOf([name, ...keys]: Path): Path[] {
  return keys.map((_, at) => [name, ...keys.slice(0, at + 1)])
}

function textOf(way: readonly (string | null)[]): string {
  return way.map((key, at) => (key === null ? '[…]' : at === 0 ? key : `.${key}`)).join('')
}
