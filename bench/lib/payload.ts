import { createHmac } from 'node:crypto'
import type { ChangeEvent } from '../../src/event.ts'
import { derivedId } from '../../src/identity.ts'

export const SECRET = 'bench-secret-not-a-real-one'
const DIGITS = 9

/** About 1 KB of a person as a CRM reports it; the number stands for the change, the record comes again. */
export function personOf(n: number): Record<string, unknown> {
  const record = n % 5000
  return {
    number: numbered(n),
    id: `20202020-0000-4000-8000-${String(record).padStart(12, '0')}`,
    name: { firstName: 'Ada', lastName: `Lovelace-${record}` },
    emails: { primaryEmail: `Ada.${record}@Example.com`, additionalEmails: [] },
    phones: { primaryPhoneNumber: '612345678', primaryPhoneCountryCode: 'FR', primaryPhoneCallingCode: '+33' },
    city: 'Paris',
    jobTitle: 'Analyst of engines',
    companyId: '20202020-1111-4000-8000-000000000001',
    employees: 120,
    score: 0.75,
    createdAt: '2026-01-05T08:30:00.000Z',
    updatedAt: '2026-11-24T10:00:00.000Z',
    linkedinLink: { primaryLinkUrl: 'https://example.com/in/ada', primaryLinkLabel: 'Ada', secondaryLinks: [] },
    intro: 'Writes notes on machines. '.repeat(12),
    deletedAt: null,
  }
}

/** As wide for every number, so that a request can be made by overwriting digits. */
export function numbered(n: number): string {
  return String(n).padStart(DIGITS, '0')
}

export function personEvent(n: number): ChangeEvent {
  const data = personOf(n)
  const key = String(data.id)
  return {
    id: derivedId('bench', String(n)),
    type: 'person.received',
    source: '/bench',
    subject: `person/${key}`,
    time: '2026-11-24T10:00:00.000Z',
    key,
    data,
    raw: Buffer.from(JSON.stringify(data)),
  }
}

/** Makes signed POSTs by writing the number into a body that is otherwise ready. */
export function signedRequests(path: string): (n: number) => Buffer {
  const body = Buffer.from(JSON.stringify(personOf(0)))
  const numberAt = body.indexOf(numbered(0))
  const head = (signature: string) =>
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n` +
    `x-signature: ${signature}\r\n\r\n`
  return n => {
    body.write(numbered(n), numberAt, 'latin1')
    const signature = createHmac('sha256', SECRET).update(body).digest('hex')
    const headText = head(signature)
    const request = Buffer.allocUnsafe(headText.length + body.length)
    request.write(headText, 0, 'latin1')
    body.copy(request, headText.length)
    return request
  }
}
