// Foreman in a child process that can be killed and started again with the same port and database.

import { join, resolve } from 'node:path'
import { Command } from '../cli/command-line.ts'
import type { FakeOllama } from '../fake-ollama.ts'
import { onFreePort } from '../free-port.ts'
import { temporaryFolder, until } from '../harness.ts'

export interface MortalForeman {
  readonly url: string
  /** Kills it with SIGKILL. */
  kill(): Promise<void>
  /** Starts it again after `kill`. */
  start(): Promise<void>
}

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

/** Starts it, resolves when its port is open, and ends it after the test. */
export const startMortalForeman = (target: Pick<FakeOllama, 'url'>): Promise<MortalForeman> =>
  onFreePort((port) => startOn(`127.0.0.1:${port}`, target))

async function startOn(address: string, target: Pick<FakeOllama, 'url'>): Promise<MortalForeman> {
  const folder = await temporaryFolder()
  let running: Command | null = null
  const foreman = {
    url: '',
    async kill() {
      running?.process.kill('SIGKILL')
      await running?.ended
    },
    async start() {
      const env = {
        FOREMAN_OLLAMA_URL: target.url,
        FOREMAN_ADDR: address,
        FOREMAN_DB: join(folder, 'foreman.db'),
        FOREMAN_LOG_FORMAT: 'json',
      }
      const command = new Command(['serve'], { program: MAIN, cwd: folder, env })
      running = command
      foreman.url = await until('it listens', async () => {
        if (command.process.exitCode !== null) throw new Error(`foreman ended: ${(await command.ended).stderr}`)
        return /"url":"(http:\/\/127\.0\.0\.1:\d+)"/.exec(command.stdout)?.[1]
      })
    },
  }
  await foreman.start()
  return foreman
}
