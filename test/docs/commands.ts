import { CommanderError } from 'commander'
import { createProgram, forAll } from '../../src/cli/program.ts'
import type { Page } from './pages.ts'

export interface CommandLine {
  readonly line: number
  /** Without `twenty-sync` itself. */
  readonly words: readonly string[]
  /** In a sentence, not to be typed as it stands. */
  readonly isNamed: boolean
}

/** Every `twenty-sync …` of shell blocks and of sentences. */
export function commandsIn({ blocks, inline }: Page): CommandLine[] {
  const inBlocks = blocks
    .filter(({ info }) => info === 'sh')
    .flatMap(({ line, text }) =>
      text
        .replaceAll('\\\n', '  ')
        .split('\n')
        .map((shell, at) => ({ line: line + 1 + at, shell, isNamed: false })),
    )
  const inSentences = inline.map(({ line, text }) => ({ line, shell: text, isNamed: true }))
  return [...inBlocks, ...inSentences].flatMap(({ line, shell, isNamed }) =>
    piecesOf(shell)
      .filter(([first, second]) => first === 'twenty-sync' && second !== undefined)
      .map(([, ...words]) => ({ line, words, isNamed })),
  )
}

/** What is wrong with a command line; undefined when the program would take it. */
export async function problemWith(words: readonly string[]): Promise<string | undefined> {
  const program = createProgram('0', { run: () => async () => {} })
  forAll(program, command => command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} }))
  try {
    await program.parseAsync(words, { from: 'user' })
    return undefined
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    // A group of commands named without one of them, or asked for its help.
    const isFine = thrown.exitCode === 0 || thrown.code === 'commander.help'
    return isFine ? undefined : thrown.message
  }
}

/** Words of each command of a shell line: cut at pipes, `&&` and comments. */
function piecesOf(shell: string): string[][] {
  const pieces: string[][] = [[]]
  for (const [word] of shell.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|\$\([^)]*\)|&&|[|;&]|#.*$|[^\s|;&]+/g)) {
    if (word.startsWith('#')) break
    if (/^(?:&&|[|;&])$/.test(word)) pieces.push([])
    else pieces.at(-1)!.push(word.replace(/^(["'])(.*)\1$/s, '$2'))
  }
  return pieces
}
