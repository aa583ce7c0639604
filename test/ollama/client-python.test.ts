// The unchanged official Python client in a separate environment: a program gets the same from foreman as from Ollama.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { begin, exchange, post } from './exchange.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { cleanEnvironment } from './program.ts'
import { CACHE, describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'
import { changed, statusIn } from './requests/row.ts'
import { timeless } from './same-question.ts'

const VERSION = '0.6.3'
const ENVIRONMENT = join(CACHE, `python-ollama-${VERSION}`)
const PYTHON = join(ENVIRONMENT, 'bin/python')
const QUESTIONS = join(import.meta.dirname, 'python/questions.py')
const run = promisify(execFile)

const hasPython = spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0
if (!hasPython)
  process.stderr.write('\nSKIPPED, NOT PASSED: python3 with venv is not on this machine; its client was not tried.\n\n')

type Answers = Readonly<
  Record<string, { readonly answer?: unknown; readonly error?: string; readonly status?: number }>
>

async function makeEnvironment(): Promise<void> {
  const isReady = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import ollama']).status === 0
  if (isReady) return
  await run('python3', ['-m', 'venv', '--clear', ENVIRONMENT])
  await run(PYTHON, ['-m', 'pip', 'install', '--quiet', `ollama==${VERSION}`])
}

async function ask(base: string, ...names: string[]): Promise<Answers> {
  const { stdout } = await run(PYTHON, [QUESTIONS, base, ...names], { env: cleanEnvironment() })
  return timeless(JSON.parse(stdout)) as Answers
}

const ASKED = [
  'a chat',
  'a streamed chat',
  'a chat with tools',
  'a chat that wants JSON',
  'a streamed chat that wants JSON of a schema',
  'a chat that thinks',
  'a streamed chat that thinks',
  'a chat that calls tools',
  'a streamed chat that calls tools',
  'a completion',
  'a streamed completion',
  'a load',
  'an unload',
  'an embedding',
  'embeddings',
  'an old embedding',
  'the models',
  'a model',
] as const

const MISTAKES = [
  ['a chat with a model that is not installed', 404],
  ['a streamed chat with a model that is not installed', 404],
  ['a chat with an embedding model', 400],
  ['a streamed chat that is to think', 400],
  ['a completion with a model of a bad name', changed(404, '0.17.8', 400)],
  ['an embedding by a model that is not installed', 404],
  ['a look at a model that is not installed', 404],
] as const

describe.skipIf(!hasPython)('the Python client', () => {
  describeWithOllama('the Python client', () => {
    let ollama: RealOllama
    let foreman: Foreman
    /** In front of the same Ollama, with a short heartbeat. */
    let patient: Foreman
    let direct: Answers
    let through: Answers

    beforeAll(async () => {
      await makeEnvironment()
      ollama = await startOllama()
      // No heartbeat begins an answer before Ollama's own, even on a busy machine.
      foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_POLL_INTERVAL: '500ms' })
      patient = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '200ms' })
      direct = await ask(ollama.url)
      through = await ask(foreman.url)
    }, FIRST_START_MS)

    afterAll(async () => {
      await foreman?.stop()
      await patient?.stop()
      await ollama?.stop()
    })

    test.for(ASKED)('gets %s as from Ollama', (name) => {
      expect(direct[name]).toHaveProperty('answer')
      expect(through[name]).toEqual(direct[name])
    })

    test.for(MISTAKES)('gets the error for %s as from Ollama', ([name, status]) => {
      expect(direct[name]).toMatchObject({ status: statusIn(status, ollama.version) })
      expect(through[name]).toEqual(direct[name])
    })

    test('sees what is loaded', async () => {
      const loaded = await ask(ollama.url, 'what is loaded')
      const names = loaded['what is loaded']?.answer
      expect(names).toContain('tiny-embed:latest')
      const inOrder = (models: readonly { readonly model: string }[]) => models.map(({ model }) => model).sort()
      await foreman.shows('the same', ({ target }) => String(inOrder(target.resident)) === String(names))
      expect(await ask(foreman.url, 'what is loaded')).toEqual(loaded)
    })

    test.for(['a deletion', 'a pull'])('may not %s, and the error says how to allow it', (name) => {
      expect(through[name]).toEqual({ error: expect.stringContaining('FOREMAN_ALLOW_MANAGEMENT'), status: 403 })
    })

    test('that waits long in the queue gets heartbeats and reads its answer', async () => {
      await exchange(patient.url, post('/pause', {}))
      const waiting = ['a chat', 'a streamed chat', 'a completion'].map((name) => ask(patient.url, name))
      await patient.shows('all waiting', ({ queue }) => queue.waiting === waiting.length)
      const witness = await begin(patient.url, post('/api/chat', { model: 'tiny-a' }))
      await new Promise((told) => witness.once('data', told))
      await exchange(patient.url, post('/resume', {}))
      const answers: Answers = Object.assign({}, ...(await Promise.all(waiting)))
      for (const [name, answer] of Object.entries(answers)) expect(answer, name).toEqual(direct[name])
    })
  })
})
