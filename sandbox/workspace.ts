import type { SandboxTwenty } from './twenty/server.ts'

export interface CustomField {
  readonly name: string
  readonly type: 'TEXT' | 'NUMBER' | 'BOOLEAN' | 'DATE_TIME' | 'SELECT' | 'LINKS' | 'CURRENCY'
  /** Of a SELECT. */
  readonly options?: readonly string[]
  readonly isUnique?: boolean
}

/** Fields that the shipped configs write and no workspace has of itself, by object; the head of each config names its own. */
export const CUSTOM_FIELDS: Readonly<Record<string, readonly CustomField[]>> = {
  company: [
    { name: 'employees', type: 'NUMBER' },
    { name: 'industry', type: 'TEXT' },
    { name: 'activeUsers', type: 'NUMBER' },
    { name: 'usageRevenue', type: 'CURRENCY' },
    { name: 'usageMonth', type: 'TEXT' },
    { name: 'usageUpdatedAt', type: 'DATE_TIME' },
  ],
  opportunity: [
    { name: 'invoice', type: 'LINKS' },
    { name: 'invoicePaidAt', type: 'DATE_TIME' },
  ],
  person: [
    { name: 'emailSequence', type: 'TEXT' },
    { name: 'emailSequenceStatus', type: 'TEXT' },
    { name: 'emailSequenceStartedAt', type: 'DATE_TIME' },
    { name: 'websiteVisits', type: 'NUMBER' },
    { name: 'leadScore', type: 'NUMBER' },
    { name: 'leadBand', type: 'TEXT' },
    { name: 'leadReason', type: 'TEXT' },
    { name: 'predictedScore', type: 'NUMBER' },
    { name: 'predictedGrade', type: 'TEXT' },
    { name: 'erpState', type: 'TEXT' },
    { name: 'erpSyncedAt', type: 'DATE_TIME' },
  ],
}

/** Objects that no workspace has of itself, by singular name, with their fields beside `name`. */
export const CUSTOM_OBJECTS: Readonly<
  Record<string, { readonly plural: string; readonly fields: readonly CustomField[] }>
> = {
  campaign: {
    plural: 'campaigns',
    fields: [
      { name: 'externalId', type: 'TEXT', isUnique: true },
      { name: 'audience', type: 'TEXT' },
      { name: 'people', type: 'NUMBER' },
      { name: 'subscribed', type: 'NUMBER' },
    ],
  },
}

/** Adds objects and fields to the data model of a running workspace. */
export function addFields(twenty: SandboxTwenty, fields = CUSTOM_FIELDS): void {
  for (const [nameSingular, { plural }] of Object.entries(CUSTOM_OBJECTS)) {
    const labels = { labelSingular: nameSingular, labelPlural: plural }
    ask(twenty, 'POST', '/rest/metadata/objects', { nameSingular, namePlural: plural, ...labels })
  }
  const own = Object.entries(CUSTOM_OBJECTS).map(([name, object]) => [name, object.fields] as const)
  fields = { ...fields, ...Object.fromEntries(own) }
  const { data } = ask(twenty, 'GET', '/rest/metadata/objects') as {
    data: { objects: { id: string; nameSingular: string }[] }
  }
  for (const [name, added] of Object.entries(fields)) {
    const object = data.objects.find(({ nameSingular }) => nameSingular === name)
    if (!object) throw new Error(`the sandbox has no object ${name}`)
    for (const field of added) ask(twenty, 'POST', '/rest/metadata/fields', bodyOf(object.id, field))
  }
  twenty.resetCalls()
  twenty.resetRateLimit()
}

function bodyOf(objectMetadataId: string, { options, ...field }: CustomField): object {
  const choices = options?.map((value, position) => ({ value, label: value, position, color: 'blue' }))
  return { objectMetadataId, label: field.name, ...field, ...(choices && { options: choices }) }
}

function ask(twenty: SandboxTwenty, method: string, url: string, body?: object): unknown {
  const answer = twenty.handle({
    method,
    url,
    headers: { authorization: `Bearer ${twenty.apiKey}` },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (answer.status >= 300) throw new Error(`the sandbox answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
