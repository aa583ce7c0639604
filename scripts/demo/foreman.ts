// Owns the daemon of the demo: the real one, with the settings a user would start with, on a free port and a database in
// a temporary directory that is removed with it.

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
      // A small disk must not keep the demo from showing anything.
      FOREMAN_MIN_FREE: '0',
    },
    dotenv: null,
    readFile: () => '',
    machine: { hostname: 'demo', addresses: [] },
  })
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(({ text }) => text).join('\n'))
  const daemon = createDaemon(loaded.config, { clock: systemClock, log: await openLog(loaded.config) })
  await daemon.start()
  return {
    url: daemon.url,
    async stop() {
      const stopped = daemon.stop()
      // The second word means "at once": nobody waits for the end of a simulated chat.
      void daemon.stop()
      await stopped
      remove()
    },
  }
}
