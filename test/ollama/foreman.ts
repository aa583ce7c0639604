// Foreman as a child process with its own port and database.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { cleanEnvironment, startProgram } from './program.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

export interface Foreman {
  readonly url: string
  /** Its log so far. */
  readonly log: string
  status(): Promise<StatusDocument>
  /** Polls `/status` until the condition holds. */
  shows(what: string, isTrue: (status: StatusDocument) => boolean): Promise<StatusDocument>
  stop(): Promise<void>
}

/** Starts foreman in front of `ollamaUrl`; `settings` are FOREMAN_… variables. Resolves when the target was probed. */
export async function startForeman(
  ollamaUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Foreman> {
  const directory = await mkdtemp(join(tmpdir(), 'foreman-ollama-'))
  const env = cleanEnvironment({
    FOREMAN_OLLAMA_URL: ollamaUrl,
    FOREMAN_ADDR: '127.0.0.1:0',
    FOREMAN_DB: join(directory, 'foreman.db'),
    FOREMAN_LOG_FORMAT: 'json',
    ...settings,
  })
  // In a separate directory, so that it does not read a `.env` of the checkout.
  const program = startProgram(process.execPath, [MAIN, 'serve'], { env, cwd: directory })
  const stop = async () => {
    await program.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const [, url = ''] = await program.says(/"url":"(http:\/\/127\.0\.0\.1:\d+)"/, 120_000)
    const status = async () => statusOf(url, settings['FOREMAN_TOKEN'])
    const foreman: Foreman = {
      url,
      get log() {
        return program.said
      },
      status,
      shows: (what, isTrue) => until(`foreman shows ${what}`, status, isTrue),
      stop,
    }
    await foreman.shows('a probed target', ({ target }) => target.reachable === true)
    return foreman
  } catch (error) {
    await stop()
    throw error
  }
}

async function statusOf(url: string, token = ''): Promise<StatusDocument> {
  const response = await fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}` } })
  if (!response.ok) throw new Error(`GET /status: ${response.status} ${await response.text()}`)
  // Both sides import the type of the document.
  return (await response.json()) as StatusDocument
}

/** Polls until the condition holds. The deadline only ends a test that has failed. */
export async function until<T>(what: string, look: () => Promise<T>, isRight: (seen: T) => boolean): Promise<T> {
  const deadline = performance.now() + 120_000
  for (;;) {
    const seen = await look()
    if (isRight(seen)) return seen
    if (performance.now() > deadline)
      throw new Error(`waited in vain until ${what}; last seen: ${JSON.stringify(seen)}`)
    await new Promise((later) => setTimeout(later, 20))
  }
}
