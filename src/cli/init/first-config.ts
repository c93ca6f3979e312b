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
}

/** A config that works at once: a form that becomes a person. Everything else is said where it would stand. */
export function firstConfig({ variables, insecure }: FirstConfig): string {
  return `# What twenty-sync does here. Check it with \`twenty-sync validate\`, run it with \`twenty-sync run\`.
# \${NAME} is read from the environment, or from .env beside this file. Secrets stand there, never here.

# Systems: what is written to, with one client and one rate limit each.
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

# Flows: what happens to each event, step by step. A failed step is tried again; what never passes is kept as a dead letter.
flows:
  web-form-leads:
    from: lead-form
    steps:
      # The same address within a day is the same lead.
      - dedupe: { by: data.email.trim().lowerAscii(), within: 24h }
      - transform:
          email: data.email.trim().lowerAscii()
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

# The log and the state lie in ./data, in one file. For Kafka and Redis see the docs.
# log: { type: embedded, folder: ./data }
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
