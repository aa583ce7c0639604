// Owns a daemon in a process of its own, on a clock that may run faster, which kills itself with SIGKILL at the named step of
// the walk that it is told by a message. argv: its Orders as JSON.

import { appendFileSync } from 'node:fs'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { createDaemon, StartError } from '../../src/daemon/daemon.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'
import { createFastClock } from './fast-clock.ts'
import type { Fatal, Orders } from './life.ts'

const { settings, pace, log: logFile } = JSON.parse(process.argv[2] ?? '{}') as Orders
const loaded = loadConfig({
  flags: {},
  env: settings,
  dotenv: null,
  readFile: () => '',
  machine: { hostname: 'proof', addresses: [] },
})
if (loaded.kind === 'refused') throw new Error(loaded.problems.map(({ text }) => text).join('\n'))
const { config } = loaded
let fatal: Fatal | null = null
let left = 0

// Written at once: a process that is killed loses what it has only buffered.
const write = (line: string): void => appendFileSync(logFile, line)
const daemon = createDaemon(config, {
  clock: createFastClock(pace),
  log: createLog(config, { write }),
  onStep(step) {
    if (step === fatal?.step && left-- <= 0) process.kill(process.pid, 'SIGKILL')
  },
})

process.on('message', (order: Fatal) => {
  fatal = order
  left = order.passes
  process.send?.('armed')
})
process.on('SIGTERM', () => void daemon.stop())
// Whoever started it is gone.
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
