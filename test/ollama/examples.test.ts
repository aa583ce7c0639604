// The examples in front of a real Ollama, with the client built and installed by the two commands of examples/README.md.

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobDocument, JobListDocument } from '../../src/protocol/wire.ts'
import { exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { cleanEnvironment, type Program, startProgram } from './program.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const EXAMPLES = join(ROOT, 'examples')
const SECRET = 'a secret of some length'
const run = promisify(execFile)

/**
 * Ollama stops an answer without its last record after 30 equal tokens (0.17.4, `token repeat limit`). So small a model
 * produces them in one of fifty answers. With 20 tokens it cannot.
 */
const BRIEF = { 'brief-a': 'tiny-a', 'brief-b': 'tiny-b' } as const

interface Result {
  readonly line: number
  readonly job_id: string
  readonly answer: string | null
  readonly error: { readonly code: string } | null
}

const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0

describeWithOllama('of the examples', () => {
  let ollama: RealOllama
  let foreman: Foreman
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foreman-examples-'))
    const [, commands = ''] =
      /```sh\n(npm run build:client .*)\n```/.exec(readFileSync(join(EXAMPLES, 'README.md'), 'utf8')) ?? []
    expect(commands).not.toBe('')
    await run('sh', ['-c', commands], { cwd: ROOT, env: cleanEnvironment() })
    ollama = await startOllama({ OLLAMA_MAX_LOADED_MODELS: '1' })
    for (const [model, from] of Object.entries(BRIEF)) {
      const parameters = { num_thread: 1, num_ctx: 2048, num_predict: 20 }
      const made = await exchange(ollama.url, post('/api/create', { model, from, parameters, stream: false }))
      expect(made.status, made.body.toString()).toBe(200)
    }
    foreman = await startForeman(ollama.url, { FOREMAN_WEBHOOK_SECRET: SECRET })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    // The models are kept between runs, and other tests compare lists of models.
    for (const model of Object.keys(BRIEF)) {
      if (ollama !== undefined) await exchange(ollama.url, { ...post('/api/delete', { model }), method: 'DELETE' })
    }
    await ollama?.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  const environment = () => cleanEnvironment({ FOREMAN_URL: foreman.url, OLLAMA_URL: ollama.url })
  const node = (file: string, ...args: string[]): Program =>
    startProgram(process.execPath, [join(EXAMPLES, file), ...args], { env: environment(), cwd: folder })
  const document = async <T>(path: string): Promise<T> =>
    JSON.parse((await exchange(foreman.url, { method: 'GET', path })).body.toString()) as T

  test('curl.sh takes a job from its submission to its deletion', async () => {
    const program = startProgram('sh', [join(EXAMPLES, 'curl.sh'), 'brief-a'], { env: environment() })
    expect({ code: await program.ended, error: program.printed.error }).toEqual({ code: 0, error: '' })
    expect(program.printed.out).toMatch(/^same job: [0-9A-Z]{26}$/m)
    expect(program.printed.out).toMatch(/^304$/m)
    expect(program.printed.out).toMatch(/^204\n204\n204$/m)
  })

  test('submit-and-wait.ts writes the saved answer', async () => {
    const program = node('submit-and-wait.ts', 'brief-a', 'Why is the sky blue?')
    expect(await program.ended).toBe(0)
    const [, id = ''] = /^job (\S+),/.exec(program.printed.error) ?? []
    const { artifacts, usage } = await document<JobDocument>(`/jobs/${id}`)
    expect(program.printed.out).toBe(`${artifacts.find(({ name }) => name === 'completion')?.data}\n`)
    expect(program.printed.error).toContain(`${usage?.completion_tokens} tokens`)
  })

  test('the script with another URL prints the same', async () => {
    const before = node('existing-script/before.mjs', 'tiny-a', 'tiny-embed')
    expect(await before.ended).toBe(0)
    const after = node('existing-script/after.mjs', 'tiny-a', 'tiny-embed')
    expect(await after.ended).toBe(0)
    expect(before.printed.out.split('\n').length).toBeGreaterThan(3)
    expect(after.printed).toEqual(before.printed)
  })

  test('the nightly batch has every answer once after a kill, and needs two loads', async () => {
    const args = [join(EXAMPLES, 'nightly-batch.prompts.txt'), 'results.ndjson', ...Object.keys(BRIEF)] as const
    const loads = ollama.loads
    // All of them wait before the first is sent, so that the number of loads does not depend on timing.
    await exchange(foreman.url, post('/pause', {}))
    const killed = node('nightly-batch.ts', ...args)
    const ofThisNight = async () => (await document<JobListDocument>('/jobs?label=results.ndjson&limit=200')).jobs
    await until('all are handed in', ofThisNight, ({ length }) => length === 100)
    await exchange(foreman.url, post('/resume', {}))
    await until(
      'some are done',
      ofThisNight,
      (jobs) => jobs.filter(({ finished_at }) => finished_at !== null).length > 20,
    )
    await killed.kill()
    const again = node('nightly-batch.ts', ...args)
    const code = await again.ended
    const results = readFileSync(join(folder, 'results.ndjson'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Result)
    expect(results.map(({ line }) => line).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect({ code, said: again.said, failures: results.filter(({ error }) => error !== null) }).toEqual({
      code: 0,
      said: expect.stringContaining('100 results in results.ndjson, 0 of them failures'),
      failures: [],
    })
    const jobs = await ofThisNight()
    expect(jobs.map(({ job_id, attempt }) => `${job_id} ${attempt}`).sort()).toEqual(
      results.map(({ job_id }) => `${job_id} 1`).sort(),
    )
    expect(ollama.loads - loads).toBeLessThanOrEqual(2)
  })

  describe.each([
    ['webhook-receiver.ts', () => [process.execPath, 'webhook-receiver.ts'] as const, true],
    ['webhook_receiver.py', () => ['python3', 'webhook_receiver.py'] as const, hasPython],
  ])('%s', (_name, command, isThere) => {
    test.skipIf(!isThere)('receives the webhooks of a job and prints its answer', async () => {
      const [program, file] = command()
      const env = cleanEnvironment({ FOREMAN_WEBHOOK_SECRET: SECRET })
      const receiver = startProgram(program, [join(EXAMPLES, file), '0'], { env })
      try {
        const [, address] = await receiver.says(/listening on (\S+)\n/, 30_000)
        const body = { model: 'brief-a', messages: [{ role: 'user', content: 'hi' }], state_webhook_url: address }
        const receipt = await exchange(foreman.url, post('/jobs', body))
        const { job_id } = JSON.parse(receipt.body.toString()) as { job_id: string }
        await receiver.says(new RegExp(`^${job_id} \\d done\\n  .`, 'm'), 60_000)
      } finally {
        await receiver.stop()
      }
    })
  })
})
