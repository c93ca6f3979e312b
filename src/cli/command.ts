import { type Command, InvalidArgumentError } from 'commander'
import { EXIT } from './exit-code.ts'
import { report } from './report.ts'
import { type CommonOptions, Session } from './session.ts'
import type { Shell } from './shell.ts'

/** What a command does. Returns the exit code where it is not 0; what it throws is reported and decides the code. */
export type Body<Options, Arguments extends readonly unknown[]> = (
  session: Session,
  options: Options & CommonOptions,
  ...args: Arguments
) => Promise<number | undefined>

type CommanderAction<Arguments extends readonly unknown[]> = (...args: [...Arguments, object, Command]) => Promise<void>

/** Hands a command's body to commander. */
export interface CommandRunner {
  run<Options, Arguments extends readonly unknown[]>(body: Body<Options, Arguments>): CommanderAction<Arguments>
}

/** Runs bodies in a shell, and keeps the exit code. */
export class Runner implements CommandRunner {
  readonly #shell: Shell
  code: number = EXIT.done

  constructor(shell: Shell) {
    this.#shell = shell
  }

  run<Options, Arguments extends readonly unknown[]>(body: Body<Options, Arguments>): CommanderAction<Arguments> {
    return async (...all) => {
      const command = all.at(-1) as Command
      const options = command.optsWithGlobals<Options & CommonOptions>()
      const session = new Session(this.#shell, options)
      try {
        this.code = (await body(session, options, ...(all.slice(0, -2) as unknown as Arguments))) ?? EXIT.done
      } catch (thrown) {
        this.code = await report(session, thrown)
      }
    }
  }
}

/** Adds one command to the program. Each file of `commands/` has one such function. */
export type AddCommand = (program: Command, runner: CommandRunner) => void

/** `[command line, what it does]` */
export type Example = readonly [string, string]

const examplesOf = new WeakMap<Command, readonly Example[]>()

/** Shown by `--help` and in the reference. */
export function withExamples(command: Command, examples: readonly Example[]): Command {
  examplesOf.set(command, examples)
  const lines = examples.flatMap(([line, says]) => [`  $ ${line}`, `      ${says}`])
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}\n`)
}

export function examples(command: Command): readonly Example[] {
  return examplesOf.get(command) ?? []
}

/** For options that may be given more than once. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** Parser of a whole number from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least)
      throw new InvalidArgumentError(`It takes a whole number from ${least} on.`)
    return value
  }
}
