import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Embedded, openEmbedded } from '../../src/embedded/open.ts'
import { closeSqlite, openSqlite } from '../../src/embedded/sqlite.ts'
import type { Clock } from '../../src/environment.ts'

/** One data folder after the other, for conformance suites: opened, closed or "killed", and removed in the end. */
export class EmbeddedFolders {
  readonly #clock: Clock
  readonly #root = mkdtempSync(join(tmpdir(), 'twenty-sync-'))
  readonly #opened: Embedded[] = []
  #folder = join(this.#root, '0')

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async open(): Promise<Embedded> {
    const embedded = await openEmbedded({ folder: this.#folder, clock: this.#clock })
    this.#opened.push(embedded)
    return embedded
  }

  /**
   * @param hard works on a copy of the files as they are at this instant, which is what a process killed now would leave.
   */
  async reopen(hard: boolean): Promise<Embedded> {
    if (!hard) await this.#opened.at(-1)!.close()
    const copy = join(this.#root, String(this.#opened.length))
    if (hard) cpSync(this.#folder, copy, { recursive: true })
    if (hard) this.#folder = copy
    return this.open()
  }

  /** The text under a state key, as another program reads it in the file. */
  async stateText(key: string): Promise<string | undefined> {
    const database = await openSqlite(join(this.#folder, 'twenty-sync.sqlite'), { readOnly: true })
    const row = database.prepare('SELECT value FROM state WHERE key = ?').get(key) as { value: string } | undefined
    closeSqlite(database)
    return row?.value
  }

  async dispose(): Promise<void> {
    for (const embedded of this.#opened) await embedded.close()
    rmSync(this.#root, { recursive: true, force: true })
  }
}
