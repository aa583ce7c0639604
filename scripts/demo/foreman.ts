// Daemon of the demo: the real one with default settings, on a free port and with a database in a temporary directory
// that is removed with it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { createDaemon } from '../../src/daemon/daemon.ts'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { openLog } from '../../src/daemon/runtime/log.ts'
import { EMBEDDER } from './asks.ts'

export interface DemoForeman {
  readonly url: string
  stop(): Promise<void>
}

export async function startForeman(targetUrl: string): Promise<DemoForeman> {
  const directory = mkdtempSync(join(tmpdir(), 'foreman-demo-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  const loaded = loadConfig({
    flags: {},
    env: {
      FOREMAN_OLLAMA_URL: targetUrl,
      FOREMAN_ADDR: '127.0.0.1:0',
      FOREMAN_DB: join(directory, 'foreman.db'),
      FOREMAN_EMBED_MODEL: EMBEDDER,
      FOREMAN_LOG_LEVEL: 'silent',
      // The demo must also work on a small disk.
      FOREMAN_MIN_FREE: '0',
    },
    dotenv: null,
    readFile: () => '',
    machine: { hostname: 'demo', addresses: [] },
  })
  if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
  const daemon = createDaemon(loaded.config, { clock: systemClock, log: await openLog(loaded.config) })
  await daemon.start()
  return {
    url: daemon.url,
    async stop() {
      const stopped = daemon.stop()
      // The second argument means "at once": a simulated chat need not finish.
      void daemon.stop()
      await stopped
      remove()
    },
  }
}
