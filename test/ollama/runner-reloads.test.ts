// Two requests of one affinity never make Ollama reload its model, and requests of different affinities do: 200 random
// pairs, compared with the log of the server. It fails if a version of Ollama behaves differently.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { affinityOf, type RunnerSettings } from '../../src/daemon/domain/affinity.ts'
import { readModelFacts } from '../../src/daemon/domain/model-facts.ts'
import { hasChange } from '../../src/daemon/domain/ollama-version.ts'
import { exchange, post } from './exchange.ts'
import { until } from './foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, STARTS, startOllama } from './real-ollama.ts'

const PAIRS = 200
const SEED = Number(process.env['FOREMAN_TEST_SEED'] ?? 20_261_128)

/** Created for this test and deleted after it, because other tests compare lists of models. */
const MADE = {
  'reload-copy': { from: 'tiny-a' },
  'reload-system': { from: 'tiny-a', system: 'be brief' },
  'reload-template': { from: 'tiny-a', template: '{{ .Prompt }}' },
  'reload-wide': { from: 'tiny-a', parameters: { num_ctx: 4096, num_thread: 1 } },
} as const

const MODELS = ['tiny-a', 'TINY-A:latest', 'library/tiny-a', ...Object.keys(MADE), 'tiny-b'] as const

/** Undefined: the request omits the option. Usual values occur more often. */
const VALUES = {
  num_ctx: [undefined, undefined, null, 2, 4, 2048, 4096, 8192, 16_384],
  num_batch: [undefined, undefined, 256, 512],
  num_gpu: [undefined, undefined, -1, 0],
  main_gpu: [undefined, undefined, undefined, 0],
  use_mmap: [undefined, undefined, undefined, true, false],
  num_thread: [undefined, undefined, 0, 1, 2],
  draft_num_predict: [undefined, undefined, 0, 4],
  shift: [undefined, undefined, true, false],
  // Not an option of a runner.
  temperature: [undefined, 0, 1],
  seed: [undefined, 7],
} as const satisfies Record<string, readonly (number | boolean | null | undefined)[]>

type Name = keyof typeof VALUES
type Settings = Partial<Record<Name, number | boolean | null>>

interface Wanted {
  readonly model: string
  readonly path: '/api/chat' | '/api/generate'
  readonly settings: Settings
}

/** Requests that foreman separates although Ollama would keep the runner. This affects the order, but causes no load. */
const NEEDLESS: readonly {
  readonly why: string
  readonly is: (a: Settings, b: Settings, version: string) => boolean
}[] = [
  {
    why: 'left to Ollama, num_gpu is whatever is loaded',
    is: (a, b) => (a.num_gpu ?? -1) !== (b.num_gpu ?? -1),
  },
  {
    why: 'left to Ollama, num_batch may be what was said, and may be more (since 0.30)',
    is: (a, b, version) => hasChange(version, 'llamaServer') && (a.num_batch ?? null) !== (b.num_batch ?? null),
  },
  {
    why: 'left to Ollama, use_mmap is whatever is loaded (since 0.30)',
    is: (a, b, version) => hasChange(version, 'llamaServer') && (a.use_mmap ?? null) !== (b.use_mmap ?? null),
  },
]

/** Random numbers (mulberry32), the same for the same seed everywhere. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A request that differs from the one before in at most two options, so that about half need no load. */
function nextOf({ model, path, settings }: Wanted, random: () => number): Wanted {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  const changed: Settings = { ...settings }
  for (let changes = Math.floor(random() * 3); changes > 0; changes--) {
    const name = pick(Object.keys(VALUES) as Name[])
    const value = pick<number | boolean | null | undefined>(VALUES[name])
    if (value === undefined) delete changed[name]
    else changed[name] = value
  }
  return {
    model: random() < 0.4 ? pick(MODELS) : model,
    path: pick(['/api/chat', '/api/generate'] as const) ?? path,
    settings: changed,
  }
}

describeWithOllama('the affinity of a request', () => {
  let ollama: RealOllama
  let version: string

  const show = async (model: string) => (await exchange(ollama.url, post('/api/show', { model }))).body.toString()

  beforeAll(async () => {
    ollama = await startOllama({ OLLAMA_MAX_LOADED_MODELS: '1' })
    version = ollama.version
    for (const [model, how] of Object.entries(MADE)) {
      const made = await exchange(ollama.url, post('/api/create', { model, ...how, stream: false }))
      expect(made.status, made.body.toString()).toBe(200)
    }
  }, FIRST_START_MS)

  afterAll(async () => {
    for (const model of Object.keys(MADE))
      await exchange(ollama.url, { ...post('/api/delete', { model }), method: 'DELETE' })
    await ollama?.stop()
  })

  /** foreman's view: the models of one runner share one name. */
  async function believed(): Promise<(wanted: Wanted) => string> {
    const facts = new Map(
      await Promise.all(MODELS.map(async (model) => [model, readModelFacts(await show(model))] as const)),
    )
    const byFiles = new Map<string, string>()
    return ({ model, settings }) => {
      const known = facts.get(model)
      if (known?.files == null) throw new Error(`/api/show told nothing of ${model}`)
      const name = byFiles.get(known.files) ?? model
      byFiles.set(known.files, name)
      const said: RunnerSettings = settings
      return affinityOf(model, said, { version, model: { name, facts: known } })
    }
  }

  /** Sends a request that only loads. Returns whether Ollama started a runner for it. */
  async function isLoadedFor({ model, path, settings: { shift, ...options } }: Wanted): Promise<boolean> {
    const from = ollama.log.length
    const body = { model, options, keep_alive: '10m', stream: false, ...(shift === undefined ? {} : { shift }) }
    const answer = await exchange(ollama.url, post(path, body))
    expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('"done_reason":"load"')])
    // Ollama logs the end of a request after everything that it did for it.
    const isOver = (log: string): boolean => /POST +"\/api\/(chat|generate)"/.test(log)
    const log = await until('Ollama has logged it', async () => ollama.log.slice(from), isOver)
    return STARTS.test(log)
  }

  test(`says whether the runner is started again, for ${PAIRS} random pairs`, async () => {
    const affinity = await believed()
    const random = chance(SEED)
    const wrong: object[] = []
    const needless = new Set<string>()
    let loads = 0
    let last: Wanted = { model: 'tiny-a', path: '/api/chat', settings: {} }
    await isLoadedFor(last)
    for (let n = 0; n < PAIRS; n++) {
      const next = nextOf(last, random)
      const isPredicted = affinity(next) !== affinity(last)
      const isLoaded = await isLoadedFor(next)
      if (isLoaded) loads += 1
      const { settings } = last
      const reason =
        isPredicted && !isLoaded ? NEEDLESS.find(({ is }) => is(settings, next.settings, version)) : undefined
      if (reason !== undefined) needless.add(reason.why)
      else if (isPredicted !== isLoaded) wrong.push({ last, next, isPredicted, isLoaded })
      last = next
    }
    expect(wrong).toEqual([])
    // A sequence that always or never loads would prove nothing.
    expect(loads).toBeGreaterThan(PAIRS / 5)
    expect(loads).toBeLessThan((PAIRS * 4) / 5)
  }, 600_000)
})
