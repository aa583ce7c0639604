// A daemon in a process of its own, so that its heap can be limited. argv: its settings as JSON. Sends its URL by message,
// and at each further message the most CPU time, in milliseconds, that one turn of its event loop took since the last one:
// what other programs take meanwhile does not count.

import { loadConfig } from '../../src/daemon/config/load.ts'
import { createDaemon } from '../../src/daemon/daemon.ts'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'

const loaded = loadConfig({
  flags: {},
  env: JSON.parse(process.argv[2] ?? '{}') as Record<string, string>,
  dotenv: null,
  readFile: () => '',
  machine: { hostname: 'test', addresses: [] },
})
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
const daemon = createDaemon(loaded.config, { clock: systemClock, log: createLog(loaded.config) })
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
let longestMs = 0
let last = 0
const turn = (): void => {
  const now = cpuMs()
  longestMs = Math.max(longestMs, now - last)
  last = now
  setImmediate(turn)
}
process.on('message', () => {
  process.send?.({ stallMs: longestMs })
  longestMs = 0
  if (last !== 0) return
  last = cpuMs()
  turn()
})
// The test is gone.
process.on('disconnect', () => process.exit(1))
await daemon.start()
process.send?.({ url: daemon.url })
