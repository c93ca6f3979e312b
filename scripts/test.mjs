import { install, runScript } from './prepare.mjs'

// Ctrl-C reaches the script itself, which stops what it started; this process only waits for it.
process.on('SIGINT', () => {})
install()
runScript('scripts/testing/run.ts')
