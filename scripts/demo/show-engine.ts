import { Redis } from 'ioredis'
import type { Stack } from '../stack/stack.ts'

/** What lies in the engine afterwards: topics, groups and lag; on Redis also one record's state. */
export async function showEngine(stack: Stack): Promise<void> {
  console.log('What the log holds')
  console.log(indent((await stack.cli('topics')).stdout))
  console.log('How the flows stand')
  console.log(indent((await stack.cli('status')).stdout))
  if (stack.redisUrl) await showRedis(stack.redisUrl, stack.prefix)
}

async function showRedis(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url)
  try {
    const keys = (await redis.keys(`${prefix}:{flow/web-form-leads}:run:*`)).sort()
    const [first] = keys
    if (!first) return
    console.log(`One event's mark in Redis (${keys.length} of them)`)
    console.log(`  HGETALL "${first}"`)
    for (const [field, value] of Object.entries(await redis.hgetall(first))) console.log(`    ${field}  ${value}`)
    console.log()
  } finally {
    redis.disconnect()
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ').trimEnd().concat('\n')
}
