// Child process with a daemon that kills itself with SIGKILL at a named step. argv: the Config as JSON, the step ('' for none), and the
// number of passes before it.

import type { Config } from '../../src/daemon/config/options.ts'
import { createDaemon, StartError } from '../../src/daemon/daemon.ts'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'

const [, , json = '{}', fatalStep = '', passes = '0'] = process.argv
const config = JSON.parse(json) as Config
let left = Number(passes)

const daemon = createDaemon(config, {
  clock: systemClock,
  log: createLog({ ...config, logLevel: 'silent' }),
  onStep(step) {
    if (step === fatalStep && left-- <= 0) process.kill(process.pid, 'SIGKILL')
  },
})

process.on('SIGTERM', () => void daemon.stop())
try {
  await daemon.start()
  process.send?.({ url: daemon.url })
  process.exitCode = await daemon.exited
} catch (error) {
  process.exitCode = error instanceof StartError ? error.exitCode : 1
}
process.disconnect?.()
