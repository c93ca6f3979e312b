import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Embedded, openEmbedded, openEmbeddedReader } from '../../src/embedded/open.ts'
import { systemClock as clock } from '../../src/environment/clock.ts'
import { Child } from '../support/child.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'

const ROUNDS = 5

/** The highest number promised per name: `event first key-3` or `state {crash}:counter-1`. */
class Promised {
  readonly numbers = new Map<string, number>()

  note(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name, number] = /^(.+) (\d+)$/.exec(line) ?? []
      if (name) this.numbers.set(name, Number(number))
    }
  }

  of(kind: string): [name: string, number: number][] {
    return [...this.numbers].filter(([name]) => name.startsWith(`${kind} `))
  }
}

async function assertKept({ log, state }: Embedded, promised: Promised): Promise<void> {
  const found = new Map<string, number>()
  for (const topic of ['first', 'second']) {
    let expected = 0
    for await (const { offset, event } of log.read(topic)) {
      const name = `event ${topic} ${event.key}`
      expect(offset).toBe(expected++)
      expect(event.data.n, name).toBe((found.get(name) ?? -1) + 1)
      found.set(name, event.data.n as number)
    }
  }
  for (const [name, number] of promised.of('event')) expect(found.get(name), name).toBeGreaterThanOrEqual(number)
  for (const [name, number] of promised.of('state')) {
    const key = name.slice('state '.length)
    const [counter, shadow] = await state.get([key, `${key}:shadow`])
    const { n } = counter!.value as { n: number }
    expect(shadow!.value, name).toEqual({ n })
    expect(n, name).toBeGreaterThanOrEqual(number)
  }
  const [consumed] = await state.get(['{crash}:consumed'])
  const [first] = await log.describe(['first'])
  const committed = first?.groups.find(({ group }) => group === 'consumer')?.committed[0] ?? 0
  const lastResult = (consumed?.value as number | undefined) ?? -1
  expect(committed, 'no offset is committed ahead of its result').toBeLessThanOrEqual(lastResult + 1)
}

describe('kill -9', () => {
  it('P1 P2: loses nothing that was promised, at any of several random instants', async () => {
    const folder = tempFolder()
    const promised = new Promised()
    for (const instant of fc.sample(fc.integer({ min: 50, max: 3000 }), ROUNDS)) {
      const child = new Child('embedded-crash-child.ts', [folder])
      await until(() => child.lines.length >= instant || child.errors.length > 0, { deadlineMs: 30_000 })
      await child.kill()
      expect(child.errors).toEqual([])
      promised.note(child.lines)
      const reader = await openEmbeddedReader({ folder, clock })
      await assertKept(reader, promised)
      await reader.close()
      const next = await openEmbedded({ folder, clock })
      await assertKept(next, promised)
      await next.close()
    }
    expect(promised.of('event')).toHaveLength(16)
    expect(promised.of('state')).toHaveLength(8)
  }, 120_000)
})
