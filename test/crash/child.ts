// Owns a daemon in a process of its own that kills itself with SIGKILL at a named step of the walk: what a power cut or
// an out-of-memory killer does. argv: the Config as JSON, the step ('' for none), and how often to let it pass first.

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
