import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { cliPage } from '../../scripts/generate/cli-page.ts'
import { outdated } from '../../scripts/generate/files.ts'
import { examples } from '../../src/cli/command.ts'
import { createProgram, forAll } from '../../src/cli/program.ts'
import { cli } from './fake-shell.ts'

const commands: [string, Command][] = []
forAll(createProgram('0.1.0', { run: () => async () => {} }), command => {
  const names: string[] = []
  for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name())
  commands.push([names.slice(1).join(' '), command])
})
const leaves = commands.filter(([, command]) => command.commands.length === 0)

describe('help', () => {
  it('lists the commands, what decides the config, and the exit codes', async () => {
    const { stdout, stderr, code } = await cli(['--help'])
    expect(code).toBe(0)
    expect(stderr.text).toBe('')
    expect(stdout.text).toMatchInlineSnapshot(`
      "Usage: twenty-sync [options] [command]

      Keeps a Twenty workspace and the systems around it in step.

      Options:
        --config <path>                     a config file or folder; may be given more than once
        --json                              answer in JSON
        --version                           show the version
        -h, --help                          show help

      Commands:
        init [options]                      Write a first config into this folder.
        validate [options] [files...]       Check the config, all problems at once.
        test [options] [files...]           Run the cases that stand beside the config.
        try [options] <flow> <sample>       Run one sample event through a flow against the real systems,
                                            and write nothing.
        run [options] [files...]            Run the daemon.
        reload                              Have the running daemon take the changed config.
        status [options]                    Show what runs, how fast, and what is stuck and why.
        events                              Look at the events in the log.
        topics [topic]                      List topics: partitions, offsets, groups, lag.
        trigger [options] <source>          Append an event as if it had come in, or one for each record
                                            of a list.
        replay [options] <flow>             Read a range of the log again through a flow.
        dead-letters                        Look at what flows gave up on; send it back or let it go.
        conflicts                           Look at what two-way syncs leave to a person, and decide it.
        links                               Look at pairs of records that a sync keeps in step.
        reconcile [options] <sync>          Compare both sides of a sync completely, and repair.
        pass [options] <sync>               Let writes of a sync pass that are over its limit of the hour.
        why <system> <object> <id> [field]  Say who wrote a record and what it caused.
        why-not <system> <object> <id>      Say why something did not happen to a record.
        poll <connector>                    Have the running daemon poll a connector now.
        pause <name>                        Pause a flow or a sync.
        resume <name>                       Let a paused or stopped flow or sync go on.
        postgres                            Prepare a Postgres database for polls that see everything.
        sandbox [options]                   Run a stand-in for Twenty, to try things on.

      Config: what --config names, else TWENTY_SYNC_CONFIG, else twenty-sync.yaml or config/ in this
      folder. A .env file in this folder adds variables that the environment does not have.
      Output: stdout is the answer, stderr is talk. With --json stdout is one JSON document, or one a line
      for what comes in pieces; a failure too: {"error": {...}}.
      Exit codes: 0 done, 1 something failed, 2 the config or the command line is wrong, 3 something
      cannot be reached, 130 or 143 ended by a signal before it was done.

      "
    `)
  })

  it.each(leaves)('%s has a description, examples that begin with the program, and --json', async (name, command) => {
    expect(command.description()).not.toBe('')
    expect(examples(command).length).toBeGreaterThan(0)
    for (const [line] of examples(command)) expect(line).toContain('twenty-sync ')
    const { stdout, code } = await cli([...name.split(' '), '--help'])
    expect(code).toBe(0)
    expect(stdout.text).toContain('Examples:')
    expect(stdout.text).toContain('--json')
  })

  it.each(leaves)('%s: examples are command lines that it takes', (_name, command) => {
    for (const [line] of examples(command)) {
      const known = new Set([...command.options, ...command.parent!.options, ...commands[0]![1].options])
      const flags = [...line.matchAll(/ (--[a-z-]+)/g)].map(match => match[1])
      const longs = [...known].map(({ long }) => long)
      for (const flag of flags) expect(longs).toContain(flag)
    }
  })

  it('knows its version', async () => {
    expect((await cli(['--version'])).stdout.text).toBe('0.1.0\n')
  })

  it('is what docs/cli.md says', () => {
    expect(outdated([cliPage()]).map(({ file }) => `${file} is stale: run \`npm run generate\``)).toEqual([])
  })
})

describe('a command line that is wrong', () => {
  it.each([
    [['statsu'], 'Did you mean status?'],
    [['status', '--wacth'], 'Did you mean --watch?'],
    [['pause'], "missing required argument 'name'"],
    [['replay', 'x'], "required option '--from"],
    [['replay', 'x', '--from', 'now', '--effects', 'some'], 'Allowed choices are safe, all'],
    [['run', '--port', '70000'], 'It takes a port'],
    [['pause', 'a', 'b'], 'too many arguments'],
  ])('%j ends with 2 and says why', async (args, says) => {
    const { code, stdout, stderr } = await cli(args)
    expect([code, stdout.text]).toEqual([2, ''])
    expect(stderr.text).toContain(says)
  })

  it('is told in JSON too', async () => {
    const { code, json } = await cli(['pause', '--json'])
    expect(code).toBe(2)
    expect(json).toEqual({ error: { code: 'USAGE', message: "missing required argument 'name'" } })
  })
})
