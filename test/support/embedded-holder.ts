import { openEmbedded } from '../../src/embedded/open.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { SyncError } from '../../src/errors.ts'

/** Waits for a word on its input, tries to open the folder, says how that went, and holds it until the input ends. */
const folder = process.argv[2]!
console.log('ready')
process.stdin.once('data', async () => {
  try {
    const { close } = await openEmbedded({ folder, clock: systemClock })
    process.stdin.once('end', close)
    console.log('opened')
  } catch (error) {
    console.log(`refused ${error instanceof SyncError ? `${error.code} ${error.message}` : error}`)
  }
})
