import type { Static } from '@sinclair/typebox'
import { type ConfigFault, defineSink } from '../config/definition.ts'
import type { Fields } from '../event.ts'
import { addressesOf, addressOf, LITERAL_ADDRESS } from './email/address.ts'
import { EmailSystemConfig, SendConfig } from './email/config.ts'
import { EmailSink } from './email/sink.ts'
import { templateFaults } from './email/template.ts'

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
      effect: 'blind',
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
      ],
      check: (config, names) => [...addressFaults(config as Fields), ...templateFaults(config as Fields, names)],
    },
  },
  create: (config, context) => new EmailSink(config, context),
})

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
