import type { Config } from './config.ts'

/** The same config on an engine that keeps nothing: what it does leaves no trace here. */
export function inMemory(config: Config): Config {
  const { prefix, retentionMs } = config.log
  return { ...config, log: { type: 'memory', prefix, retentionMs }, state: { type: 'memory' } }
}
