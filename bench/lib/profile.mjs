/** Preloaded into the daemon when BENCH_PROFILE names a folder: a CPU profile per process, written when it ends. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'

const session = new Session()
session.connect()
session.post('Profiler.enable')
// Loading is a matter of the bench `start`.
setTimeout(() => session.post('Profiler.start'), 2500).unref()
process.once('exit', () => {
  session.post('Profiler.stop', (error, { profile } = {}) => {
    if (error) return
    const folder = process.env.BENCH_PROFILE
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(profile))
  })
})
