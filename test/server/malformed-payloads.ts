/** Bodies such as the senders of this world post them; the malformed ones are made from these. */
export const PAYLOADS: readonly string[] = [
  ...[1, 2, 3, 4, 5].flatMap(n => [
    twenty('person', 'created', n),
    twenty('company', 'updated', n),
    twenty('opportunity', 'deleted', n),
    {
      id: `evt_${n}`,
      object: 'event',
      type: 'invoice.paid',
      created: 1764000000 + n,
      data: {
        object: {
          id: `in_${n}`,
          amount_due: 1999 * n,
          currency: 'eur',
          customer: null,
          lines: [{ price: 0.1 }, { price: 0.2 }],
        },
      },
    },
    {
      action: 'opened',
      issue: { number: n, title: 'It "breaks" \\ badly', labels: [], user: { login: 'ada', id: 1, site_admin: false } },
      repository: { full_name: 'acme/app', private: true },
    },
    {
      subscriptionType: 'contact.propertyChange',
      eventId: n,
      objectId: 77,
      propertyName: 'email',
      propertyValue: 'ada@example.com',
      attemptNumber: 0,
    },
    {
      id: 820982911946154 + n,
      email: 'jon@example.com',
      total_price: '403.00',
      line_items: [{ sku: null, quantity: 1 }],
      note_attributes: [],
    },
    {
      email: `ада${n}@пример.рф`,
      name: 'Ада Лавлейс',
      formId: 'contact',
      utm: { source: 'ads', medium: '' },
      consent: true,
    },
    {
      event: 'call.ended',
      call: { id: `c${n}`, participants: ['a@example.com', 'b@example.com'], transcript: 'Hello. '.repeat(20 * n) },
    },
    {
      type: 'email.bounced',
      created_at: '2026-11-24T09:59:59.999Z',
      data: { to: ['x@example.com'], tags: { a: '😀', b: '\u2028' }, score: -1.5e-7 },
    },
  ]),
].map(value => JSON.stringify(value))

function twenty(object: string, action: string, n: number) {
  return {
    targetUrl: 'https://sync.example.com/hooks/twenty',
    eventName: `${object}.${action}`,
    objectMetadata: { id: '20202020-e674-48e5-a542-72570eee7213', nameSingular: object },
    workspaceId: '20202020-1c25-4d02-bf25-6aeccf7ea419',
    eventDate: '2026-11-24T09:59:59.000Z',
    record: {
      id: `20202020-0000-4000-8000-00000000000${n}`,
      name: { firstName: 'Ada', lastName: 'Byron' },
      emails: { primaryEmail: 'ada@example.com', additionalEmails: [] },
      deletedAt: null,
      position: n,
    },
    ...(action !== 'created' && { updatedFields: ['name', 'emails'] }),
  }
}
