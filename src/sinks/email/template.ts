import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { ConfigFault } from '../../config/definition.ts'
import { nearest } from '../../nearest.ts'
import { type Compiled, compileLiquid, type Escaping, TemplateFault, type Use } from './liquid.ts'

/** Where a step says what its mail says; as written. */
export interface TemplateArgs {
  readonly template?: string
  readonly subject?: string
  readonly html?: string
  readonly text?: string
  readonly data?: Readonly<Record<string, unknown>>
}

export interface MailTemplate {
  readonly subject: Compiled
  readonly html?: Compiled
  readonly text?: Compiled
}

/** What stands under which key of the step, or in the file's front matter. */
interface Part {
  readonly key: 'template' | 'subject' | 'html' | 'text'
  readonly content: string
  readonly escaping: Escaping
  /** Names it in errors. */
  readonly where: string
}

type Parts = Partial<Record<'subject' | 'html' | 'text', Part>>

class PartFault extends Error {
  readonly fault: ConfigFault

  constructor(key: string, message: string, suggestion?: string) {
    super(message)
    this.fault = { path: [key], message, ...(suggestion !== undefined && { suggestion }) }
  }
}

/** @throws Error saying what is wrong; a config that passed `templateFaults` fails here only when its file changed since. */
export function compileTemplate(args: TemplateArgs): MailTemplate {
  const { subject, html, text } = partsOf(args)
  return {
    subject: compiled(subject!),
    ...(html && { html: compiled(html) }),
    ...(text && { text: compiled(text) }),
  }
}

/** @param names what the step sees; undefined when that is not known. */
export function templateFaults(args: TemplateArgs, names: readonly string[] | undefined): ConfigFault[] {
  const faults: ConfigFault[] = []
  const collect = <T>(make: () => T): T | undefined => {
    try {
      return make()
    } catch (thrown) {
      if (!(thrown instanceof PartFault)) throw thrown
      faults.push(thrown.fault)
      return undefined
    }
  }
  const known = names && [...names, ...Object.keys(args.data ?? {})]
  for (const part of Object.values(collect(() => partsOf(args)) ?? {})) {
    const template = collect(() => compiled(part))
    for (const name of template?.names ?? []) {
      if (!known || known.includes(name)) continue
      const message = `${part.where}: there is no name \`${name}\` here`
      const suggestion = nearest(name, known) ?? `one of ${known.join(', ')}`
      faults.push({ path: [part.key], message, suggestion })
    }
  }
  return faults
}

/** Nothing of what `templateFaults` finds wrong: a file may have changed since. */
export function templatesOf(args: TemplateArgs): { key: Part['key']; where: string; uses: readonly Use[] }[] {
  try {
    return Object.values(partsOf(args)).map(part => ({ ...part, uses: compiled(part).uses }))
  } catch (thrown) {
    if (thrown instanceof PartFault) return []
    throw thrown
  }
}

function compiled(part: Part): Compiled {
  try {
    return compileLiquid(part.content, part.escaping, part.where)
  } catch (thrown) {
    if (!(thrown instanceof TemplateFault)) throw thrown
    const { line, column, message } = thrown
    throw new PartFault(part.key, `${part.where}${line === undefined ? '' : `:${line}:${column}`}: ${message}`)
  }
}

function partsOf(args: TemplateArgs): Parts {
  if (args.template !== undefined && args.html !== undefined) {
    throw new PartFault('html', '`template` and `html` both say what the mail says; one is enough')
  }
  const file = args.template === undefined ? {} : fileParts(args.template)
  if (file.text && args.text !== undefined) {
    throw new PartFault('text', 'the template is plain text, and `text` says it again; one is enough')
  }
  const parts: Parts = {
    ...file,
    ...(args.subject !== undefined && { subject: inline('subject', args.subject, 'text') }),
    ...(args.html !== undefined && { html: inline('html', args.html, 'html') }),
    ...(args.text !== undefined && { text: inline('text', args.text, 'text') }),
  }
  if (!parts.html && !parts.text) {
    throw new PartFault('template', 'the mail says nothing', 'template: ./templates/new-lead.liquid, or `text`')
  }
  if (!parts.subject) {
    throw new PartFault('subject', 'the mail has no subject', "subject: 'New lead: {{ data.name }}'")
  }
  return parts
}

function inline(key: 'subject' | 'html' | 'text', content: string, escaping: Escaping): Part {
  return { key, content, escaping, where: `\`${key}\`` }
}

/** HTML, or plain text by its name; what it says of itself stands before it between two lines of `---`. */
function fileParts(file: string): Parts {
  const source = contentOf(file)
  const front = /^---[ \t]*\r?\n([\s\S]*?)^---[ \t]*\r?(?:\n|$)/m.exec(source)
  const head = front?.index === 0 ? front[0] : ''
  // As many lines as before: those in errors are the file's.
  const content = head.replace(/[^\n]/g, '') + source.slice(head.length)
  const body = { key: 'template', content, where: file } as const
  const subject = head === '' ? undefined : subjectOf(front![1]!, file)
  return {
    ...(/\.(txt|text)(\.liquid)?$/i.test(file)
      ? { text: { ...body, escaping: 'text' as const } }
      : { html: { ...body, escaping: 'html' as const } }),
    ...(subject !== undefined && {
      subject: { key: 'template', content: subject, escaping: 'text', where: `${file}, subject` },
    }),
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    throw new PartFault('template', `${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`)
  }
}

function subjectOf(text: string, file: string): string | undefined {
  let front: unknown
  try {
    front = parse(text) ?? {}
  } catch (cause) {
    throw new PartFault('template', `${file}: what stands between the lines of --- is no YAML: ${firstLine(cause)}`)
  }
  if (typeof front !== 'object' || front === null || Array.isArray(front)) {
    throw new PartFault('template', `${file}: between the lines of --- stands no map`, 'subject: …')
  }
  for (const [key, value] of Object.entries(front)) {
    if (key !== 'subject') {
      throw new PartFault('template', `${file}: there is no key \`${key}\` between the lines of ---`, 'subject')
    }
    if (typeof value !== 'string') throw new PartFault('template', `${file}: the subject must be text`)
  }
  return (front as { subject?: string }).subject
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0]!
}
