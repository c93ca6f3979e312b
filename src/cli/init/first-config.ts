/** Names of the variables that the first config reads. */
export interface VariableNames {
  readonly url: string
  readonly key: string
  readonly form: string
}

export interface FirstConfig {
  readonly variables: VariableNames
  /** `http://` to another machine, which the author was warned about. */
  readonly insecure: boolean
  /** File beside it that tells editors what it can say. */
  readonly schema: string
}

/** A config that works at once: a form that becomes a person. What comes next stands there, to be uncommented. */
export function firstConfig({ variables, insecure, schema }: FirstConfig): string {
  return `# yaml-language-server: $schema=./${schema}
#
# What twenty-sync does here. Check it with \`twenty-sync validate\`, run it with \`twenty-sync run\`.
# After a change, \`twenty-sync reload\` has the running daemon take it; a wrong config changes nothing.
# \${NAME} is read from the environment, or from .env beside this file. Secrets stand there, never here.

# Systems: what is written to. Each has one client and one rate limit, which all flows share.
systems:
  twenty:
    type: twenty
    url: "\${${variables.url}}"
    apiKey: "\${${variables.key}}"
${insecure ? '    # Allows http:// to another machine: the key travels in the open.\n    insecure: true\n' : ''}
# Connectors: where events come in. Each has a topic in the log, and answers only when the event is stored.
connectors:
  lead-form:
    type: webhook
    path: /hooks/lead-form
    accept: [json, form, multipart]
    # Whoever posts must know the key. For a public form: \`verify: none\`, and \`cors\` with your web site.
    verify: { header: x-form-key, equals: "\${${variables.form}}" }

# Flows: what happens to each event, step by step. What fails is tried again; what never passes is kept as a dead letter.
# Values are expressions (CEL): data is what came in, 'text' stands in quotes, data.?name is for what may be absent.
flows:
  web-form-leads:
    from: lead-form
    steps:
      # What is no lead ends here, with the reason: \`twenty-sync dead-letters list\`.
      - validate:
          schema:
            required: [email]
            properties:
              email: { type: string, format: email }
              firstName: { type: string }
              lastName: { type: string }
      # A name for what later steps need.
      - transform:
          email: data.email.lowerAscii()
      # The same address within a day is the same lead.
      - dedupe: { by: email, within: 24h }
      # Finds the person by email address, creates it if there is none, and fills fields that are empty.
      - upsert:
          in: twenty
          object: person
          match: emails.primaryEmail
          onMatch: fill-empty
          values:
            name:
              firstName: data.?firstName.orValue('')
              lastName: data.?lastName.orValue('')
            emails: { primaryEmail: email }
          as: person
      # And a task for it, due tomorrow:
      # - create: { in: twenty, object: task, values: { title: "'Write to ' + email" }, dueIn: 1d, link: [person] }

  # Changes in Twenty start flows too:
  # welcome-note:
  #   from: twenty.person.created
  #   steps:
  #     - create:
  #         in: twenty
  #         object: note
  #         values: { title: "'Welcome, ' + data.name.firstName" }
  #         link: ["{'object': 'person', 'id': event.recordId}"]

# Where the daemon listens. To be reached from outside, put a proxy with TLS before it, or listen on 0.0.0.0.
# server: { host: 127.0.0.1, port: 8080, publicUrl: "https://sync.example.com" }

# The log and the state lie in ./data, in one file. For several instances there are Kafka and Redis.
# log: { type: embedded, folder: ./data, retention: 30d }
`
}

/** What must be set, without any value. */
export function envExample({ url, key, form }: VariableNames): string {
  return `# Copy to .env and fill in. Keep .env out of version control.
# Address of the Twenty server, without /rest
${url}=
# API key: Settings > APIs & Webhooks in Twenty
${key}=
# What the web form sends in the header x-form-key
${form}=
`
}

/** Lines for \`.env\`; only what the environment does not have already. */
export function envFile(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${value}"\n`)
    .join('')
}

/** Neither secrets nor what people sent belongs in a repository. */
export const GIT_IGNORE = '.env\ndata/\n'
