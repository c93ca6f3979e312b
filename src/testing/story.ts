import type { EventStory } from '../runtime/operations.ts'
import type { Bench } from './bench.ts'

/** An event of a case, and what each flow made of it. */
export type Story = Pick<EventStory, 'type' | 'subject' | 'flows'>

const MOST = 20

/** The events of a case in their order. */
export async function storyOf(bench: Bench): Promise<Story[]> {
  const { operations } = bench
  const events = await bench.ask(operations.listEvents({ limit: MOST }))
  const stories: Story[] = []
  for (const { topic, partition, offset } of events) {
    const { type, subject, flows } = await bench.ask(operations.showEvent({ id: `${topic}/${partition}/${offset}` }))
    stories.push({ type, subject, flows: flows.filter(({ outcome }) => outcome !== 'not taken') })
  }
  return stories
}
