import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { execForm, type Instruction, type Stage, stagesOf } from './dockerfile.ts'
import { copyOf } from './lint.ts'

/** An image's file system, as far as the Dockerfile makes it, and what its processes get. */
export interface BuiltStage {
  readonly name: string
  /** Folder that stands for `/`. */
  readonly root: string
  workdir: string
  readonly environment: Record<string, string>
}

/**
 * Runs the steps of a Dockerfile without an engine: every stage is a folder, COPY copies (only what .dockerignore lets
 * through), RUN runs here with the stage's working folder. What it cannot show: the base image, the user, other systems.
 */
export class DockerDryRun {
  readonly #context: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'twenty-sync-image-'))
  readonly #allowed: readonly string[]
  readonly #built: BuiltStage[] = []
  readonly #say: (line: string) => void

  constructor(context: string, say: (line: string) => void) {
    this.#context = context
    this.#say = say
    const lines = readFileSync(join(context, '.dockerignore'), 'utf8').split('\n')
    this.#allowed = lines.filter(line => line.startsWith('!')).map(line => line.slice(1))
  }

  /** The last stage. @throws Error naming the line that failed. */
  run(): BuiltStage {
    for (const stage of stagesOf(readFileSync(join(this.#context, 'Dockerfile'), 'utf8'))) this.#stage(stage)
    return this.#built.at(-1)!
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #stage({ name, instructions }: Stage): void {
    const built = { name, root: join(this.#folder, name), workdir: '/', environment: {} }
    mkdirSync(built.root, { recursive: true })
    this.#built.push(built)
    for (const instruction of instructions) {
      this.#say(`${name} ${instruction.line}: ${instruction.name} ${instruction.text}`)
      this.#step(built, instruction)
    }
  }

  #step(stage: BuiltStage, { name, text, line }: Instruction): void {
    if (name === 'WORKDIR') {
      stage.workdir = text
      mkdirSync(join(stage.root, text), { recursive: true })
    } else if (name === 'ENV') {
      const [key, value] = text.split('=') as [string, string]
      stage.environment[key] = value
    } else if (name === 'COPY') {
      this.#copy(stage, text, line)
    } else if (name === 'RUN') {
      const { status } = runIn(stage, 'sh', ['-c', text], 'inherit')
      if (status !== 0) throw new Error(`Dockerfile line ${line} failed with ${status}: RUN ${text}`)
    }
  }

  #copy(stage: BuiltStage, text: string, line: number): void {
    const { from, sources, target } = copyOf(text)
    const origin = from === undefined ? this.#context : this.#built.find(({ name }) => name === from)!.root
    const into = join(stage.root, target.startsWith('/') ? target : join(stage.workdir, target))
    for (const source of sources) {
      const path = join(origin, source)
      const isIgnored = from === undefined && !this.#allowed.includes(relative(this.#context, path))
      if (isIgnored || !existsSync(path)) throw new Error(`Dockerfile line ${line}: ${source} is not in the context`)
      const isFolder = sources.length > 1 || target.endsWith('/')
      cpSync(path, isFolder ? join(into, source) : into, { recursive: true, verbatimSymlinks: true })
    }
  }
}

export function runIn(stage: BuiltStage, command: string, args: readonly string[], stdio: 'inherit' | 'pipe') {
  return spawnSync(command, args, {
    cwd: join(stage.root, stage.workdir),
    env: { ...process.env, ...stage.environment },
    stdio,
    encoding: 'utf8',
  })
}

/** The last one of the name in the last stage, in exec form. */
export function commandOf(dockerfile: string, name: 'ENTRYPOINT' | 'HEALTHCHECK'): string[] {
  const last = stagesOf(dockerfile).at(-1)
  const text = last?.instructions.findLast(each => each.name === name)?.text ?? ''
  const command = execForm(name === 'HEALTHCHECK' ? text.slice(text.indexOf('[')) : text)
  if (!command) throw new Error(`the Dockerfile has no ${name} in exec form`)
  return command
}
