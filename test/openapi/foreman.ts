// A foreman in front of the scripted target, for tools that use HTTP. argv: folder of its database. Prints its URL;
// SIGTERM ends it.

import { join } from 'node:path'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { createDaemon } from '../../src/daemon/daemon.ts'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'
import { FakeOllama } from '../fake-ollama.ts'

const fake = await FakeOllama.start()
const loaded = loadConfig({
  flags: {},
  env: {
    FOREMAN_OLLAMA_URL: fake.url,
    FOREMAN_ADDR: '127.0.0.1:0',
    FOREMAN_DB: join(process.argv[2] ?? '.', 'foreman.db'),
    FOREMAN_LOG_LEVEL: 'error',
    // Generated webhook addresses must not leave this machine.
    FOREMAN_WEBHOOK_ALLOW: 'only,127.0.0.1',
    FOREMAN_MIN_FREE: '0',
    FOREMAN_SHUTDOWN_GRACE: '0',
  },
  dotenv: null,
  readFile: () => '',
  machine: { hostname: 'test', addresses: [] },
})
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
const daemon = createDaemon(loaded.config, { clock: systemClock, log: createLog(loaded.config) })
process.on('SIGTERM', () => void daemon.stop())
await daemon.start()
process.stdout.write(`${daemon.url}\n`)
// The scripted target may still hold connections.
process.exit(await daemon.exited)
