export interface OpenBracket {
  readonly opener: string
  readonly offset: number
}

/** How the brackets of an expression fit, those inside texts left out. */
export interface Brackets {
  /** Never closed, outermost first. */
  readonly open: readonly OpenBracket[]
  /** The first closing bracket that closes nothing, or something else; `expected` is what the open one wants. */
  readonly stray?: { readonly closer: string; readonly offset: number; readonly expected?: string }
}

export const CLOSER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

const PART = /'''[\s\S]*?'''|"""[\s\S]*?"""|'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[()[\]{}]/g

export function bracketsOf(source: string): Brackets {
  const open: OpenBracket[] = []
  for (const { 0: part, index: offset } of source.matchAll(PART)) {
    if (part in CLOSER) open.push({ opener: part, offset })
    else if (part === ')' || part === ']' || part === '}') {
      const last = open.pop()
      const expected = last && CLOSER[last.opener]!
      if (expected !== part) return { open: [], stray: { closer: part, offset, ...(expected && { expected }) } }
    }
  }
  return { open }
}
