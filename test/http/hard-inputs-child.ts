// Child process with a daemon whose heap is limited. argv: its settings as JSON. It sends its URL in a message. At each
// message it answers with the largest CPU time, in milliseconds, of one turn of its event loop since the last message. CPU
// time does not include other programs.

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
