import { type Static, Type } from '@sinclair/typebox'
import { MailDigests } from '../clients/mail-digest.ts'
import { EmailSystemConfig } from '../clients/smtp/config.ts'
import { type ConfigFault, defineSink } from '../config/definition.ts'
import type { Fields } from '../event.ts'
import { addressesOf, addressOf, LITERAL_ADDRESS } from './email/address.ts'
import { SendConfig } from './email/config.ts'
import { DIGEST_NAMES, type DigestArgs, digestFaults } from './email/digest.ts'
import { EmailSink } from './email/sink.ts'
import { type TemplateArgs, templateFaults } from './email/template.ts'
import { templateReads } from './email/template-reads.ts'

/** Mail over SMTP. A mail server has no memory that we could ask: what may have been sent is not sent again. */
export default defineSink({
  type: 'email',
  summary: 'Sends mails over SMTP, written as Liquid templates.',
  config: EmailSystemConfig,
  examples: [
    {
      title: 'A mail server with TLS; user and password are in the URL',
      yaml: 'type: email\nurl: "${SMTP_URL}"\nfrom: CRM <crm@example.com>\nreplyTo: sales@example.com\nlimits: { perMinute: 100 }\n',
    },
    {
      title: 'A server of the house, with a certificate of the house',
      yaml: 'type: email\nurl: smtp://mail.example.com:587\nfrom: crm@example.com\nca: "${file:./house-ca.pem}"\n',
    },
  ],
  check: systemFaults,
  actions: {
    send: {
      summary:
        'Sends one mail. Later steps see `messageId`, `to` (who the server took it for) and `refused` (whom it refused, and why).',
      // To keep an entry for a digest twice under its key is to keep it once.
      effect: args => (args.digest === undefined ? 'blind' : 'keyed'),
      seesScope: true,
      config: SendConfig,
      examples: [
        {
          title: 'From a template',
          yaml: 'via: mail\nto: sales@example.com\ntemplate: ./templates/new-lead.liquid\n',
        },
        {
          title: 'In place, to whom the event names',
          yaml: 'via: mail\nto: [data.rep.email, sales@example.com]\nreplyTo: data.email\nsubject: "New lead: {{ data.name }}"\ntext: |\n  {{ data.name }} asks for a call.\n  Score: {{ score }}\ndata: { score: data.visits * 10.0 }\n',
        },
        {
          title: 'A thousand problems are one mail',
          yaml: 'via: mail\nto: data-team@example.com\nsubject: "{{ count }} records need a look"\nhtml: |\n  <ul>{% for item in items %}<li>{{ item.name }}: {{ item.problem }}</li>{% endfor %}</ul>\ndata: { name: data.name, problem: data.problem }\ndigest: { every: 1h }\n',
        },
      ],
      check: sendFaults,
      // The template of a digest has names of its own.
      reads: config =>
        (config as { digest?: unknown }).digest === undefined ? templateReads(config as TemplateArgs) : [],
    },
    'send-digest': {
      summary:
        'Sends what a `digest` has collected. The flow `<system>-digest`, which comes along with the first `digest`, has this step; there is no need to write it.',
      effect: 'blind',
      seesScope: true,
      config: Type.Object({}, { additionalProperties: false }),
      examples: [{ title: 'As the flow that comes along has it', yaml: 'via: mail' }],
    },
  },
  client: (_config, { name, state, env }) => new MailDigests(name, state, env.clock),
  flows: uses =>
    uses.some(({ action, config }) => action === 'send' && config.digest !== undefined)
      ? [{ name: 'digest', object: 'digest', action: 'send-digest' }]
      : [],
  create: (config, context) => new EmailSink(config, context.client as MailDigests, context),
})

function sendFaults(config: unknown, names: readonly string[] | undefined): ConfigFault[] {
  const send = config as TemplateArgs & { digest?: DigestArgs }
  const addresses = addressFaults(config as Fields)
  if (send.digest === undefined) return [...addresses, ...templateFaults(send, names)]
  const { data: _, ...template } = send
  return [...addresses, ...digestFaults(send.digest), ...templateFaults(template, DIGEST_NAMES)]
}

function systemFaults({ url, from, replyTo }: Static<typeof EmailSystemConfig>): ConfigFault[] {
  const faults: ConfigFault[] = []
  if (URL.canParse(url)) {
    const { protocol, hostname } = new URL(url)
    if (protocol !== 'smtp:' && protocol !== 'smtps:') {
      const message = `${protocol}// is not how mail is sent`
      faults.push({ path: ['url'], message, suggestion: `smtps://${hostname}` })
    }
  }
  return [
    ...faults,
    ...faultsOf('from', () => addressOf(from, 'from')),
    ...faultsOf('replyTo', () => addressesOf(replyTo, 'replyTo')),
  ]
}

/** Addresses that stand as they are; what expressions give is looked at when it is there. */
function addressFaults(config: Fields): ConfigFault[] {
  const literal = new RegExp(LITERAL_ADDRESS)
  return ['to', 'cc', 'bcc', 'replyTo'].flatMap(key =>
    [config[key]].flat().flatMap(value => {
      if (typeof value !== 'string' || !literal.test(value)) return []
      return faultsOf(key, () => addressOf(value, key))
    }),
  )
}

function faultsOf(key: string, check: () => unknown): ConfigFault[] {
  try {
    check()
    return []
  } catch (error) {
    return [{ path: [key], message: error instanceof Error ? error.message : String(error) }]
  }
}
