import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { reason } from '../../config/references.ts'
import { type AddCommand, withExamples } from '../command.ts'
import { UsageError } from '../exit-code.ts'
import { checkUrl, isInTheOpen, readWorkspace, type WorkspaceObject } from '../init/check-twenty.ts'
import { envExample, envFile, firstConfig, GIT_IGNORE, type VariableNames } from '../init/first-config.ts'
import { wrap } from '../output/text.ts'
import type { Session } from '../session.ts'

interface InitOptions {
  readonly url?: string
  readonly keyEnv: string
  readonly yes?: boolean
  readonly insecure?: boolean
}

const CONFIG_FILE = 'twenty-sync.yaml'
const SCHEMA_FILE = 'twenty-sync.schema.json'
const IGNORE_FILE = '.gitignore'
const EXAMPLE_FILE = '.env.example'
const ENV_FILE = '.env'
const URL_VARIABLE = 'TWENTY_URL'
const FORM_VARIABLE = 'FORM_KEY'

export const addInit: AddCommand = (program, runner) => {
  const command = program
    .command('init')
    .summary('Write a first config into this folder.')
    .description(
      'Write a first config into this folder: asks for the URL and the API key of Twenty, checks them, lists the objects, and explains what it wrote. Overwrites nothing.',
    )
    .option('--url <url>', `address of Twenty; default: the variable ${URL_VARIABLE}, else you are asked`)
    .option('--key-env <name>', 'variable that holds the API key', 'TWENTY_API_KEY')
    .option('--yes', 'ask nothing: take the URL and the key from the options and the environment')
    .option('--insecure', 'accept http:// to another machine, where the key travels in the open')
    .action(runner.run((session: Session, options: InitOptions) => init(session, options)))
  withExamples(command, [
    ['twenty-sync init', 'asks what it needs'],
    ['twenty-sync init --url https://api.twenty.com --key-env MY_TWENTY_KEY --yes', 'for scripts'],
  ])
}

async function init(session: Session, options: InitOptions): Promise<undefined> {
  const at = (name: string) => join(session.shell.folder, name)
  if (existsSync(at(CONFIG_FILE))) throw new UsageError(`${CONFIG_FILE} is here already, and init overwrites nothing`)
  const answers = await ask(session, options)
  const objects = await readWorkspace(answers.url.href, answers.key, session.environment())
  if (!session.json) await session.say(objectsText(objects, session))
  const written = write(session, answers, options)
  // What was just written must be right, and the author should not be the one to find out.
  const variables = { ...session.variables, ...answers.missing }
  session.useSecretsOf(await session.shell.backend.loadConfig([at(CONFIG_FILE)], variables))
  const document = { url: answers.url.href, objects, files: written }
  await session.result(document, () => explanation(session, written, answers))
  return undefined
}

interface Answers {
  readonly url: URL
  readonly key: string
  readonly variables: VariableNames
  /** What the environment does not have, for `.env`. */
  readonly missing: Readonly<Record<string, string>>
}

async function ask(session: Session, { url: given, keyEnv, yes, insecure }: InitOptions): Promise<Answers> {
  const { variables, shell } = session
  const mayAsk = !yes && !session.json && shell.stdin.isTty
  const url = checkUrl(
    given ?? variables[URL_VARIABLE] ?? (await answer('URL of Twenty (https://…): ', '--url', false)),
  )
  if (isInTheOpen(url) && !insecure) {
    throw new UsageError(`${url.origin} is not encrypted: use https://, or say --insecure if the network is yours`)
  }
  const key = variables[keyEnv] || (await answer('API key (Settings > APIs & Webhooks; not shown): ', keyEnv, true))
  const found = { [URL_VARIABLE]: url.href.replace(/\/$/, ''), [keyEnv]: key, [FORM_VARIABLE]: newKey(session) }
  const missing = Object.fromEntries(Object.entries(found).filter(([name]) => !variables[name]))
  return { url, key, variables: { url: URL_VARIABLE, key: keyEnv, form: FORM_VARIABLE }, missing }

  async function answer(question: string, source: string, hidden: boolean): Promise<string> {
    if (!mayAsk) throw new UsageError(`nobody can be asked here: set ${source}`)
    const text = (await shell.stdin.ask(question, { hidden })).trim()
    if (text === '') throw new UsageError('without that there is nothing to write')
    return text
  }
}

function newKey(session: Session): string {
  return session.environment().uuid().replaceAll('-', '')
}

/** @returns names of the files; the config last, so that a failure before leaves nothing that looks finished. */
function write(session: Session, { url, variables, missing }: Answers, { insecure = false }: InitOptions): string[] {
  const files: [string, string, number][] = [
    [EXAMPLE_FILE, envExample(variables), 0o644],
    [ENV_FILE, envFile(missing), 0o600],
    [IGNORE_FILE, GIT_IGNORE, 0o644],
    [SCHEMA_FILE, schemaText(), 0o644],
    [CONFIG_FILE, firstConfig({ variables, insecure: insecure && isInTheOpen(url), schema: SCHEMA_FILE }), 0o644],
  ]
  return files
    .filter(([name, text]) => text !== '' && !existsSync(join(session.shell.folder, name)))
    .map(([name, text, mode]) => {
      try {
        writeFileSync(join(session.shell.folder, name), text, { mode, flag: 'wx' })
      } catch (thrown) {
        throw new UsageError(`${name} cannot be written in ${session.shell.folder}: ${reason(thrown)}`)
      }
      return name
    })
}

/** That of this very version. */
function schemaText(): string {
  return readFileSync(createRequire(import.meta.url).resolve('twenty-sync/config/schema.json'), 'utf8')
}

function objectsText(objects: readonly WorkspaceObject[], { talkStyle: style, shell }: Session): string {
  // A name and its number stay on one line.
  const names = objects.map(({ name, fields }) => `${name}\u00a0(${fields})`).join(', ')
  const width = Math.min(shell.stderr.columns ?? 100, 100)
  const lines = wrap(names, width - 2).map(line => `  ${line.replaceAll('\u00a0', ' ')}`)
  return `${style.green('Twenty answers, and the key is good.')} Its objects, with the number of their fields:\n${lines.join('\n')}\n`
}

function explanation({ style }: Session, written: readonly string[], { missing, variables }: Answers): string {
  const says: Readonly<Record<string, string>> = {
    [CONFIG_FILE]: 'systems, connectors and flows, each part explained where it stands',
    [ENV_FILE]: 'the values of its variables, readable by you alone',
    [EXAMPLE_FILE]: 'their names, for whoever comes next',
    [SCHEMA_FILE]: 'tells editors what the config can say: completion, and mistakes while you type',
    [IGNORE_FILE]: 'keeps .env and the data folder out of version control',
  }
  const unwritten = written.includes(ENV_FILE) ? [] : Object.keys(missing)
  return [
    style.bold('Written'),
    ...Object.entries(says)
      .filter(([name]) => written.includes(name))
      .map(([name, what]) => `  ${name.padEnd(SCHEMA_FILE.length)}  ${what}`),
    ...(unwritten.length > 0
      ? ['', `${style.yellow('Still to do')}: ${ENV_FILE} was here already; add ${unwritten.join(', ')} to it`]
      : []),
    '',
    style.bold('Next'),
    '  twenty-sync validate     checks the config against Twenty',
    '  twenty-sync run          runs it; the rest in another shell, in this folder',
    `  . ./${ENV_FILE}                 for ${variables.form}, which the form must send`,
    `  curl -H "x-form-key: $${variables.form}" -d 'firstName=Ada&lastName=Lovelace&email=ada@example.com' \\`,
    '       http://127.0.0.1:8080/hooks/lead-form',
    '  twenty-sync events list  shows what came in',
    '  twenty-sync status       shows what became of it',
  ].join('\n')
}
