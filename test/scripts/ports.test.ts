import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { freePorts } from '../../scripts/services/ports.ts'

it('gives ports that are free, each once, and none that an outgoing connection is given', async () => {
  const asked = await Promise.all([freePorts(3), freePorts(3)])
  const ports = asked.flat()
  expect(new Set(ports).size).toBe(6)
  expect(Math.max(...ports)).toBeLessThan(32_768)

  const inUse = Math.max(...ports) + 1
  const server = createServer().listen(inUse, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect(await freePorts(2)).not.toContain(inUse)
})
