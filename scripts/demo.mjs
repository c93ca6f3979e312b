import { build, install, runScript } from './prepare.mjs'

// Ctrl-C reaches the script itself, which stops what it started; this process only waits for it.
process.on('SIGINT', () => {})
install()
build()
runScript('scripts/demo/demo.ts')
