import { type ApiOptions, refusal, type SandboxApi, startSandboxApi } from '../http/api.ts'
import { countDown } from '../http/server.ts'

export interface EnrichedCompany {
  readonly domain: string
  readonly name: string
  readonly industry?: string
  readonly employees?: number
  readonly annualRevenue?: { readonly amount: number; readonly currency: string }
  readonly location?: { readonly street?: string; readonly city?: string; readonly postcode?: string; country?: string }
  readonly linkedin?: string
  readonly signals?: readonly { readonly type: string; readonly title: string; readonly strength: 'low' | 'high' }[]
}

export interface EnrichedPerson {
  readonly email: string
  readonly firstName?: string
  readonly lastName?: string
  readonly jobTitle?: string
  readonly seniority?: 'entry' | 'senior' | 'director' | 'executive'
  readonly linkedin?: string
}

interface Stores {
  readonly [kind: string]: Map<string, unknown>
  /** By domain. */
  readonly companies: Map<string, EnrichedCompany>
  /** By address, in small letters. */
  readonly people: Map<string, EnrichedPerson>
}

interface Switches {
  /** The next n look-ups find nothing. */
  notFoundNext: number
}

export type SandboxEnrichment = SandboxApi<Stores, Switches>

/**
 * A typical enrichment API behind a bearer token:
 * - `GET /v1/account`: what the key may do
 * - `GET /v1/companies/{domain}`: `{ company }`, or 404 `not_found`
 * - `GET /v1/people?email=`: `{ person }`, 404 `not_found`, or 422 without an address
 */
export function startSandboxEnrichment(options: ApiOptions<Switches> = {}): Promise<SandboxEnrichment> {
  return startSandboxApi<Stores, Switches>(
    {
      switches: { notFoundNext: 0 },
      stores: () => ({
        companies: new Map(COMPANIES.map(company => [company.domain, company])),
        people: new Map(PEOPLE.map(person => [person.email, person])),
      }),
      routes: ({ companies, people }, faults) => {
        const found = (name: string, value: unknown) =>
          value === undefined || countDown<'notFoundNext'>(faults, 'notFoundNext')
            ? refusal(404, 'not_found', `There is no such ${name}.`)
            : { body: { [name]: value } }
        return {
          'GET /v1/account': () => ({ body: { plan: 'sandbox', requestsPerMinute: 600 } }),
          'GET /v1/companies/{domain}': ({ params }) => found('company', companies.get(params.domain!.toLowerCase())),
          'GET /v1/people': ({ query }) => {
            const email = query.get('email')
            if (!email?.includes('@')) return refusal(422, 'invalid_email', 'Give `email`.')
            return found('person', people.get(email.toLowerCase()))
          },
        }
      },
    },
    options,
  )
}

const COMPANIES: readonly EnrichedCompany[] = [
  {
    domain: 'northwind.example',
    name: 'Northwind Logistics GmbH',
    industry: 'Logistics',
    employees: 1200,
    annualRevenue: { amount: 250_000_000, currency: 'EUR' },
    location: { street: 'Hafenstrasse 1', city: 'Hamburg', postcode: '20457', country: 'Germany' },
    linkedin: 'https://www.linkedin.com/company/northwind-logistics',
    signals: [{ type: 'funding', title: 'Raised 40 million euros', strength: 'high' }],
  },
  {
    domain: 'corner-shop.example',
    name: 'Corner Shop',
    industry: 'Retail',
    employees: 4,
    location: { city: 'Graz', country: 'Austria' },
    signals: [{ type: 'hiring', title: 'Looks for a cashier', strength: 'low' }],
  },
]

const PEOPLE: readonly EnrichedPerson[] = [
  {
    email: 'grace@northwind.example',
    firstName: 'Grace',
    lastName: 'Hopper',
    jobTitle: 'Chief Technology Officer',
    seniority: 'executive',
    linkedin: 'https://www.linkedin.com/in/grace-hopper',
  },
]
