// Child process with a daemon on a clock that may run faster. It kills itself with SIGKILL at the kill point that the parent sends.
// argv: DaemonOrders as JSON.

import { appendFileSync } from 'node:fs'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { createDaemon, StartError } from '../../src/daemon/daemon.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'
import type { DaemonOrders, KillPoint } from './daemon-process.ts'
import { createFastClock } from './fast-clock.ts'

const { settings, pace, log: logFile } = JSON.parse(process.argv[2] ?? '{}') as DaemonOrders
const loaded = loadConfig({
  flags: {},
  env: settings,
  dotenv: null,
  readFile: () => '',
  machine: { hostname: 'proof', addresses: [] },
})
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
const { config } = loaded
let killPoint: KillPoint | null = null
let left = 0

// Written at once: a process that is killed loses what it has only buffered.
const write = (line: string): void => appendFileSync(logFile, line)
const daemon = createDaemon(config, {
  clock: createFastClock(pace),
  log: createLog(config, { write }),
  onStep(step) {
    if (step === killPoint?.step && left-- <= 0) process.kill(process.pid, 'SIGKILL')
  },
})

process.on('message', (order: KillPoint) => {
  killPoint = order
  left = order.passes
  process.send?.('armed')
})
process.on('SIGTERM', () => void daemon.stop())
// The parent process has exited.
process.on('disconnect', () => process.exit(1))
try {
  await daemon.start()
  process.send?.('ready')
  process.exitCode = await daemon.exited
} catch (error) {
  write(`${String(error)}\n`)
  process.exitCode = error instanceof StartError ? error.exitCode : 1
}
process.removeAllListeners('disconnect').disconnect?.()
