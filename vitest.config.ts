import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What starts daemons and brokers takes longest and mostly waits; begun last, it would leave one worker idle at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => rank(a.moduleId) - rank(b.moduleId))
  }
}

function rank(file: string): number {
  const order = [
    /(main|use-cases).*\.kafka\./,
    /\.kafka\..*e2e/,
    /e2e/,
    /\.own\.|\.kafka\.|sync\/(holes|first-sync|simulation)/,
  ]
  const at = order.findIndex(words => words.test(file))
  return at < 0 ? order.length : at
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores: more workers only make real brokers and real processes wait for each other.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
})
