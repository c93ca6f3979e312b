export interface Instruction {
  readonly line: number
  /** Upper case. */
  readonly name: string
  readonly text: string
}

export interface Stage {
  readonly name: string
  readonly image: string
  readonly instructions: readonly Instruction[]
}

/** The instructions, continuation lines joined and comments dropped, by stage. */
export function stagesOf(dockerfile: string): Stage[] {
  const stages: { name: string; image: string; instructions: Instruction[] }[] = []
  for (const instruction of instructionsOf(dockerfile)) {
    const [, image, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(instruction.text) ?? []
    if (instruction.name === 'FROM' && image) {
      stages.push({ name: name ?? String(stages.length), image, instructions: [] })
    } else {
      stages.at(-1)?.instructions.push(instruction)
    }
  }
  return stages
}

function instructionsOf(dockerfile: string): Instruction[] {
  const found: Instruction[] = []
  let open: { line: number; text: string } | undefined
  for (const [index, raw] of dockerfile.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue
    const text = raw.trim().replace(/\\$/, '')
    open = { line: open?.line ?? index + 1, text: `${open?.text ?? ''}${text}` }
    if (raw.trimEnd().endsWith('\\')) continue
    const [, name, rest] = /^(\S+)\s+(.*)$/.exec(open.text) ?? []
    if (name && rest) found.push({ line: open.line, name: name.toUpperCase(), text: rest.trim() })
    open = undefined
  }
  return found
}

/** `["a", "b"]` as a list; undefined for the shell form. */
export function execForm(text: string): string[] | undefined {
  return text.startsWith('[') ? (JSON.parse(text) as string[]) : undefined
}
