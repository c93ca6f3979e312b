import type { Fields } from '../event.ts'

export interface WorkspaceOptions {
  readonly apiKey: string
  readonly clock: { now(): number; after(ms: number, fire: () => void): () => void }
  readonly random: () => number
  readonly uuid: () => string
  /** Takes deliveries of webhooks. @returns the receiver's status. */
  readonly send: (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<number>
}

export interface GivenView {
  readonly name: string
  readonly object: string
  readonly filters: readonly {
    readonly field: string
    readonly operand: string
    readonly value?: unknown
    readonly subField?: string
  }[]
}

interface WorkspaceAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A stand-in for a Twenty workspace. Objects have the names that configs use. @throws Error for what Twenty would refuse. */
export interface Workspace {
  readonly objects: readonly string[]
  handle(request: {
    method: string
    url: string
    headers: Readonly<Record<string, string | undefined>>
    body?: string
  }): WorkspaceAnswer
  addField(object: string, name: string, spec: unknown): void
  addMember(name: string, email: string): void
  addView(view: GivenView): void
  /** To-one relations by name. */
  relations(object: string): Readonly<Record<string, { readonly object: string; readonly column: string }>>
  /** Without webhooks. */
  seed(object: string, values: Fields): Fields
  /** Records that are not deleted, with what is related to them. */
  rows(object: string): Fields[]
  create(object: string, values: Fields, by?: string): void
  update(object: string, id: string, values: Fields, by?: string): void
  delete(object: string, id: string, by?: string): void
}

/** The product does not know its sandbox: whoever starts tests hands this in. */
export type CreateWorkspace = (options: WorkspaceOptions) => Workspace
