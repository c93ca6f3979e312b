import { openEmbedded } from '../../src/embedded/open.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { makeEvent } from './make-event.ts'

/** Uses the log through `log` alone, with a garbage collection before every call. */
async function logAlone(folder: string) {
  return (await openEmbedded({ folder, clock: systemClock })).log
}

const log = await logAlone(process.argv[2]!)
for (let n = 0; n < 100; n++) {
  globalThis.gc!()
  await log.append('topic', [makeEvent()])
}
let count = 0
for await (const _ of log.read('topic')) count++
console.log(`${count} events`)
