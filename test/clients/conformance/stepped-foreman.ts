// Foreman in this process with a clock that the test advances, for errors that take half a minute of silence for each caller. It is the
// same daemon on a real database, without the program around it.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../src/daemon/config/load.ts'
import { createDaemon } from '../../../src/daemon/daemon.ts'
import { createLog } from '../../../src/daemon/runtime/log.ts'
import type { StatusDocument } from '../../../src/protocol/wire.ts'
import type { FakeOllama } from '../../fake-ollama.ts'
import { type Foreman, until } from '../../ollama/foreman.ts'
import { TestClock } from '../../test-clock.ts'

export interface SteppedForeman extends Foreman {
  /** Advances the clock. Work that a timer starts ends before the next timer fires, except requests that the fake never answers. */
  advance(ms: number): Promise<void>
}

/** `settings` are FOREMAN_… variables. */
export async function startSteppedForeman(
  fake: FakeOllama,
  settings: Readonly<Record<string, string>>,
): Promise<SteppedForeman> {
  const directory = await mkdtemp(join(tmpdir(), 'foreman-stepped-'))
  const env = {
    ...{ FOREMAN_OLLAMA_URL: fake.url, FOREMAN_ADDR: '127.0.0.1:0', FOREMAN_DB: join(directory, 'foreman.db') },
    ...settings,
  }
  const machine = { hostname: 'test', addresses: [] }
  const loaded = loadConfig({ flags: {}, env, dotenv: null, readFile: () => '', machine })
  if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'))
  const clock = new TestClock()
  const lines: string[] = []
  const daemon = createDaemon(loaded.config, {
    clock,
    log: createLog(loaded.config, { write: (line) => void lines.push(line) }),
  })
  await daemon.start()
  const { url } = daemon
  const status = async () => (await (await fetch(`${url}/status`)).json()) as StatusDocument
  /** Resolves when the store has answered three times and the fake got no request in between. */
  const calm = async (): Promise<void> => {
    for (let times = 0, seen = -1; times < 3; seen = fake.log.length) {
      await status()
      const isQuiet = fake.log.length === seen && fake.log.every((asked) => asked.isWorker || asked.isOver)
      times = isQuiet ? times + 1 : 0
    }
  }
  return {
    url,
    get log() {
      return lines.join('')
    },
    status,
    shows: (what, isTrue) => until(`foreman shows ${what}`, status, isTrue),
    async advance(ms) {
      await calm()
      for (const end = clock.monotonic() + ms; clock.monotonic() < end; await calm())
        clock.advance(Math.min(end - clock.monotonic(), clock.nextIn ?? ms))
    },
    async stop() {
      // The second call ends the grace period, which would wait for this clock.
      void daemon.stop()
      await daemon.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
