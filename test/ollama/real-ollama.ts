// Real Ollama server of this suite: its launcher, start, crash and end, and the loads in its log. Its models are kept between runs in a
// directory that no other instance uses.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, utimes } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'
import { onFreePort } from '../free-port.ts'
import { ACTING, ACTING_TEMPLATE } from './acting-model.ts'
import { exchange, post } from './exchange.ts'
import { cleanEnvironment, type Program, startProgram } from './program.ts'

const run = promisify(execFile)

const REPOSITORY = resolve(import.meta.dirname, '../..')
/** The newest Ollama is the reference; otherwise the oldest supported one is used. */
const [NEWEST, OLDEST] = ['../shared/ollama/newest/serve', '../shared/ollama/serve'].map((path) =>
  resolve(REPOSITORY, path),
) as [string, string]
const LAUNCHER = process.env['FOREMAN_TEST_OLLAMA_SERVE'] ?? (existsSync(NEWEST) ? NEWEST : OLDEST)
const isThere = existsSync(LAUNCHER)

/** Beside the launcher: prints the path of the `ollama` binary. */
const INSTALLER = join(dirname(LAUNCHER), 'install')

export const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'foreman-tests')

/** Log line of a server when it starts a runner: before 0.30, and since. */
export const STARTS = /msg="starting (?:runner|llama-server)"/

/** Each version has its own models, because versions may store them differently. */
const MODELS = join(CACHE, `models-${basename(dirname(LAUNCHER))}`)

/** The first start may have to build Ollama from source. */
export const FIRST_START_MS = 15 * 60_000

if (!isThere)
  process.stderr.write(
    `\nSKIPPED, NOT PASSED: there is no real Ollama at ${LAUNCHER}; nothing here was compared with the real server.\n` +
      'Set FOREMAN_TEST_OLLAMA_SERVE to a program that takes a port, serves Ollama with the tiny models, and says "ready".\n\n',
  )

/** `describe` for suites that need the real server: skipped if there is none. */
export const describeWithOllama = describe.skipIf(!isThere)

export interface RealOllama {
  readonly url: string
  readonly version: string
  /** Number of model loads so far. */
  readonly loads: number
  /** Its log so far. */
  readonly log: string
  /** Waits until it logs this. */
  logs(pattern: RegExp): Promise<RegExpExecArray>
  /** Kills server and runners with SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on the same port after `kill`. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts it on a free port; `settings` are Ollama's own environment variables. */
export const startOllama = (settings: Readonly<Record<string, string>> = {}): Promise<RealOllama> =>
  onFreePort((port) => startOllamaOn(port, settings))

async function startOllamaOn(port: number, settings: Readonly<Record<string, string>>): Promise<RealOllama> {
  const models = settings['OLLAMA_MODELS'] ?? MODELS
  const env = cleanEnvironment({
    // A run must not depend on whether the machine has a network.
    OLLAMA_NO_CLOUD: '1',
    ...settings,
    OLLAMA_MODELS: models,
  })
  const url = `http://127.0.0.1:${port}`
  let version = ''
  let program = startProgram(LAUNCHER, [String(port)], { env })
  await settled(program, async () => {
    await program.says(/^ready$/m, FIRST_START_MS)
    version = await versionOf(url)
    await giveOneThread(url)
    await makeActing(url)
    await putInOrder(models)
  })

  return {
    url,
    version,
    get loads() {
      return program.said.match(new RegExp(STARTS, 'g'))?.length ?? 0
    },
    get log() {
      return program.said
    },
    logs: (pattern) => program.says(pattern, 60_000),
    async kill() {
      // The server is killed before its runners. Otherwise it could still report that its runner died.
      process.kill(await serverOf(program), 'SIGKILL')
      await program.kill()
    },
    async restart() {
      // Without the launcher, which may create a model anew while foreman already sends jobs.
      program = startProgram(await ollamaBinary(), ['serve'], { env: { ...env, OLLAMA_HOST: `127.0.0.1:${port}` } })
      await settled(program, () => program.says(/Listening on/, 60_000))
    },
    stop: () => program.stop(),
  }
}

async function versionOf(url: string): Promise<string> {
  const { body } = await exchange(url, { method: 'GET', path: '/api/version' })
  return (JSON.parse(body.toString()) as { version: string }).version
}

/** Ends a program that did not get ready. */
async function settled(program: Program, start: () => Promise<unknown>): Promise<void> {
  try {
    await start()
  } catch (error) {
    await program.stop()
    throw error
  }
}

/** The server process: the launcher's child, or the program itself. */
async function serverOf({ process: { pid = 0, spawnfile } }: Program): Promise<number> {
  if (spawnfile !== LAUNCHER) return pid
  const { stdout } = await run('pgrep', ['-P', String(pid)])
  return Number(stdout.trim())
}

/** The `ollama` program, which is server and command line in one. */
export async function ollamaBinary(): Promise<string> {
  const { stdout } = await run(INSTALLER, { timeout: FIRST_START_MS })
  return stdout.trim().split('\n').at(-1) ?? ''
}

/**
 * With a thread for each core, a token waits until all cores are free: 1 s for each token, against 1 ms with one thread (two
 * cores, load 16).
 */
async function giveOneThread(url: string): Promise<void> {
  for (const model of ['tiny-a', 'tiny-b', 'tiny-c', 'tiny-slow', 'tiny-embed']) {
    const shown = await exchange(url, post('/api/show', { model }))
    if (/num_thread +1\b/.test(shown.body.toString())) continue
    const others = model === 'tiny-embed' ? {} : { num_ctx: 2048, num_predict: 64 }
    const call = { model, from: model, parameters: { ...others, num_thread: 1 }, stream: false }
    const made = await exchange(url, post('/api/create', call))
    if (made.status !== 200) throw new Error(`${model} could not be given one thread: ${made.body}`)
  }
}

async function makeActing(url: string): Promise<void> {
  const shown = await exchange(url, post('/api/show', { model: ACTING }))
  if (shown.status === 200) return
  const call = { model: ACTING, from: 'tiny-a', template: ACTING_TEMPLATE, stream: false }
  const made = await exchange(url, post('/api/create', call))
  if (made.status !== 200) throw new Error(`${ACTING} could not be made: ${made.body}`)
}

/** The order of models that were created within one second varies. */
async function putInOrder(models: string): Promise<void> {
  const library = join(models, 'manifests/registry.ollama.ai/library')
  const manifests = (await readdir(library, { recursive: true })).filter((path) => path.endsWith('latest')).sort()
  await Promise.all(manifests.map((path, index) => utimes(join(library, path), 1e9, 1e9 + index * 86_400)))
}
