import type { FieldType } from './types.ts'

/** A field as the tables below write it; `field` and `toOne` fill in the rest. */
export interface FieldSpec {
  readonly name: string
  readonly type: FieldType
  readonly unique?: boolean
  readonly nullable?: boolean
  readonly defaultValue?: unknown
  readonly options?: readonly string[]
  readonly maxValues?: number
  readonly domain?: boolean
  readonly to?: string
  readonly inverse?: string
  readonly onDelete?: 'SET_NULL' | 'CASCADE'
  readonly column?: string
}

export interface ObjectSpec {
  readonly singular: string
  readonly plural: string
  readonly system?: boolean
  readonly fields: readonly FieldSpec[]
  /** Columns that are unique together. */
  readonly uniqueTogether?: readonly (readonly string[])[]
  /** Each rule is a list of dotted paths. */
  readonly duplicates?: readonly (readonly string[])[]
}

export interface SchemaOptions {
  /** `targetPersonId` (2.43) or `personId` (older) on notes' and tasks' targets. */
  readonly targetColumns?: 'targetPersonId' | 'personId'
  /** `older` workspaces still have city, xLink, employees and their like. */
  readonly fieldSet?: 'current' | 'older'
}

const field = (name: string, type: FieldType, more: Partial<FieldSpec> = {}): FieldSpec => ({ name, type, ...more })

const toOne = (name: string, to: string, inverse: string, more: Partial<FieldSpec> = {}): FieldSpec => ({
  name,
  type: 'RELATION',
  to,
  inverse,
  onDelete: 'SET_NULL',
  ...more,
})

const CASCADE = { onDelete: 'CASCADE' } as const

/** Fields that every object has, custom ones included. */
export const SYSTEM_FIELDS: readonly FieldSpec[] = [
  field('id', 'UUID', { unique: true, nullable: false, defaultValue: 'uuid' }),
  field('createdAt', 'DATE_TIME', { nullable: false, defaultValue: 'now' }),
  field('updatedAt', 'DATE_TIME', { nullable: false, defaultValue: 'now' }),
  field('deletedAt', 'DATE_TIME'),
  field('createdBy', 'ACTOR', { nullable: false, defaultValue: { name: "'System'", source: "'MANUAL'" } }),
  field('updatedBy', 'ACTOR', { nullable: false, defaultValue: { name: "'System'", source: "'MANUAL'" } }),
  field('position', 'POSITION', { nullable: false, defaultValue: 0 }),
  field('searchVector', 'TS_VECTOR'),
]

/** The objects that notes, tasks and attachments can point to, with the name of the inverse side's owner. */
export const TARGET_OWNERS: readonly { readonly object: string; readonly plural: string }[] = [
  { object: 'noteTarget', plural: 'noteTargets' },
  { object: 'taskTarget', plural: 'taskTargets' },
  { object: 'attachment', plural: 'attachments' },
  { object: 'timelineActivity', plural: 'timelineActivities' },
]

function targets(objects: readonly string[], inverse: string, options: SchemaOptions): FieldSpec[] {
  return objects.map(to => {
    const name = options.targetColumns === 'personId' ? to : `target${capital(to)}`
    const type = options.targetColumns === 'personId' ? 'RELATION' : 'MORPH_RELATION'
    return toOne(name, to, inverse, { ...CASCADE, type })
  })
}

const column = (name: string, options: SchemaOptions) =>
  options.targetColumns === 'personId' ? `${name}Id` : `target${capital(name)}Id`

const LINKED = ['person', 'company', 'opportunity'] as const

/** The standard objects of 2.43 with the fields that a sync can meet. */
export function standardObjects(options: SchemaOptions): ObjectSpec[] {
  const older = options.fieldSet === 'older'
  return [
    {
      singular: 'workspaceMember',
      plural: 'workspaceMembers',
      system: true,
      fields: [
        field('name', 'FULL_NAME'),
        field('userEmail', 'TEXT', { unique: true }),
        field('userId', 'UUID'),
        field('jobTitle', 'TEXT'),
        field('avatarUrl', 'TEXT'),
        field('locale', 'TEXT', { defaultValue: "'en'" }),
        field('timeZone', 'TEXT', { defaultValue: "'system'" }),
        field('colorScheme', 'TEXT', { defaultValue: "'System'" }),
      ],
    },
    {
      singular: 'company',
      plural: 'companies',
      duplicates: [['name'], ['domainName.primaryLinkUrl']],
      fields: [
        field('name', 'TEXT'),
        field('domainName', 'LINKS', { unique: true, maxValues: 1, domain: true }),
        field('address', 'ADDRESS'),
        field('linkedinLink', 'LINKS'),
        field('annualRevenue', 'CURRENCY'),
        toOne('accountOwner', 'workspaceMember', 'accountOwnerForCompanies'),
        ...(older
          ? [
              field('employees', 'NUMBER'),
              field('xLink', 'LINKS'),
              field('idealCustomerProfile', 'BOOLEAN', { nullable: false, defaultValue: false }),
              field('annualRecurringRevenue', 'CURRENCY'),
            ]
          : []),
      ],
    },
    {
      singular: 'person',
      plural: 'people',
      duplicates: [['name.firstName', 'name.lastName'], ['linkedinLink.primaryLinkUrl'], ['emails.primaryEmail']],
      fields: [
        field('name', 'FULL_NAME'),
        field('emails', 'EMAILS', { unique: true, maxValues: 1 }),
        field('phones', 'PHONES', { maxValues: 1 }),
        field('jobTitle', 'TEXT'),
        field('linkedinLink', 'LINKS'),
        field('avatarUrl', 'TEXT'),
        field('avatarFile', 'FILES'),
        ...(older ? [field('city', 'TEXT'), field('xLink', 'LINKS')] : []),
        toOne('company', 'company', 'people'),
      ],
    },
    {
      singular: 'opportunity',
      plural: 'opportunities',
      fields: [
        field('name', 'TEXT'),
        field('amount', 'CURRENCY'),
        field('closeDate', 'DATE_TIME'),
        field('stage', 'SELECT', {
          nullable: false,
          defaultValue: "'NEW'",
          options: ['NEW', 'SCREENING', 'MEETING', 'PROPOSAL', 'CUSTOMER'],
        }),
        toOne('company', 'company', 'opportunities'),
        toOne('pointOfContact', 'person', 'pointOfContactForOpportunities'),
        toOne('owner', 'workspaceMember', 'ownedOpportunities'),
      ],
    },
    { singular: 'note', plural: 'notes', fields: [field('title', 'TEXT'), field('bodyV2', 'RICH_TEXT')] },
    {
      singular: 'noteTarget',
      plural: 'noteTargets',
      system: true,
      uniqueTogether: LINKED.map(to => ['noteId', column(to, options)]),
      fields: [toOne('note', 'note', 'noteTargets', CASCADE), ...targets(LINKED, 'noteTargets', options)],
    },
    {
      singular: 'task',
      plural: 'tasks',
      fields: [
        field('title', 'TEXT'),
        field('bodyV2', 'RICH_TEXT'),
        field('dueAt', 'DATE_TIME'),
        field('status', 'SELECT', { defaultValue: "'TODO'", options: ['TODO', 'IN_PROGRESS', 'DONE'] }),
        toOne('assignee', 'workspaceMember', 'assignedTasks'),
      ],
    },
    {
      singular: 'taskTarget',
      plural: 'taskTargets',
      system: true,
      uniqueTogether: LINKED.map(to => ['taskId', column(to, options)]),
      fields: [toOne('task', 'task', 'taskTargets', CASCADE), ...targets(LINKED, 'taskTargets', options)],
    },
    {
      singular: 'attachment',
      plural: 'attachments',
      system: true,
      fields: [
        field('name', 'TEXT'),
        field('file', 'FILES'),
        field('fullPath', 'TEXT'),
        field('fileCategory', 'SELECT', {
          defaultValue: "'OTHER'",
          options: ['ARCHIVE', 'AUDIO', 'IMAGE', 'PRESENTATION', 'SPREADSHEET', 'TEXT_DOCUMENT', 'VIDEO', 'OTHER'],
        }),
        ...targets([...LINKED, 'task', 'note'], 'attachments', options),
      ],
    },
    {
      singular: 'timelineActivity',
      plural: 'timelineActivities',
      system: true,
      fields: [
        field('happensAt', 'DATE_TIME', { nullable: false, defaultValue: 'now' }),
        field('name', 'TEXT'),
        field('properties', 'RAW_JSON'),
        field('timelineActivityTypeId', 'UUID'),
        field('linkedRecordId', 'UUID'),
        field('linkedObjectMetadataId', 'UUID'),
        field('linkedRecordCachedName', 'TEXT'),
        toOne('workspaceMember', 'workspaceMember', 'timelineActivities'),
        ...targets([...LINKED, 'task', 'note'], 'timelineActivities', options),
      ],
    },
    ...(older
      ? [
          {
            singular: 'favorite',
            plural: 'favorites',
            system: true,
            fields: [
              toOne('forWorkspaceMember', 'workspaceMember', 'favorites', CASCADE),
              ...LINKED.map(to => toOne(to, to, 'favorites', CASCADE)),
            ],
          },
        ]
      : []),
    {
      singular: 'calendarEvent',
      plural: 'calendarEvents',
      system: true,
      fields: [
        field('title', 'TEXT'),
        field('startsAt', 'DATE_TIME'),
        field('endsAt', 'DATE_TIME'),
        field('isFullDay', 'BOOLEAN', { nullable: false, defaultValue: false }),
        field('isCanceled', 'BOOLEAN', { nullable: false, defaultValue: false }),
        field('location', 'TEXT'),
        field('description', 'TEXT'),
        field('iCalUid', 'TEXT'),
        field('conferenceLink', 'LINKS'),
      ],
    },
    {
      singular: 'calendarEventParticipant',
      plural: 'calendarEventParticipants',
      system: true,
      fields: [
        field('handle', 'TEXT'),
        field('displayName', 'TEXT'),
        toOne('calendarEvent', 'calendarEvent', 'calendarEventParticipants', CASCADE),
        toOne('person', 'person', 'calendarEventParticipants'),
      ],
    },
    {
      singular: 'messageThread',
      plural: 'messageThreads',
      system: true,
      fields: [field('subject', 'TEXT')],
    },
    {
      singular: 'message',
      plural: 'messages',
      system: true,
      fields: [
        field('subject', 'TEXT'),
        field('text', 'TEXT'),
        field('receivedAt', 'DATE_TIME'),
        field('headerMessageId', 'TEXT'),
        field('isDraft', 'BOOLEAN', { nullable: false, defaultValue: false }),
        toOne('messageThread', 'messageThread', 'messages', CASCADE),
      ],
    },
    {
      singular: 'messageParticipant',
      plural: 'messageParticipants',
      system: true,
      fields: [
        field('role', 'SELECT', { defaultValue: "'FROM'", options: ['FROM', 'TO', 'CC', 'BCC'] }),
        field('handle', 'TEXT'),
        field('displayName', 'TEXT'),
        toOne('message', 'message', 'messageParticipants', CASCADE),
        toOne('person', 'person', 'messageParticipants'),
      ],
    },
  ]
}

export function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
