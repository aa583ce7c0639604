// Models that foreman keeps loaded on the real Ollama: the embedder forever, a worker for half an hour.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

const MINUTE = 60_000
const YEAR = 365 * 24 * 60 * MINUTE

describeWithOllama('a target with an embedder', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama({ OLLAMA_MAX_LOADED_MODELS: '2' })
    foreman = await startForeman(ollama.url, { FOREMAN_EMBED_MODEL: 'tiny-embed', FOREMAN_POLL_INTERVAL: '1s' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  /** Remaining time of each model by name, as Ollama reports it. */
  async function stays(): Promise<Record<string, number>> {
    const { body } = await exchange(ollama.url, { method: 'GET', path: '/api/ps' })
    const { models }: { models: { name: string; expires_at: string }[] } = JSON.parse(body.toString())
    return Object.fromEntries(models.map(({ name, expires_at }) => [name, Date.parse(expires_at) - Date.now()]))
  }

  const embedderIsPinned = () =>
    until('the embedder is pinned', stays, ({ 'tiny-embed:latest': stay }) => stay !== undefined && stay > YEAR)

  test('the embedder is loaded and pinned from the start', async () => {
    await embedderIsPinned()
  })

  test('a worker is kept for half an hour by default, or as long as its caller says', async () => {
    const chat = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }], options: { num_predict: 2 } }
    await exchange(foreman.url, post('/api/chat', chat))
    // Ollama's own default is 5 minutes.
    expect((await stays())['tiny-a:latest']).toBeGreaterThan(20 * MINUTE)
    await exchange(foreman.url, post('/api/chat', { ...chat, keep_alive: '2h' }))
    expect((await stays())['tiny-a:latest']).toBeGreaterThan(60 * MINUTE)
    await embedderIsPinned()
  })

  test('the embedder is pinned again after another client unloads it', async () => {
    await exchange(ollama.url, post('/api/generate', { model: 'tiny-embed', keep_alive: 0 }))
    await until(
      'it is gone',
      stays,
      (seen) => !('tiny-embed:latest' in seen) || (seen['tiny-embed:latest'] ?? 0) > YEAR,
    )
    await embedderIsPinned()
  })

  test('the embedder is pinned again after a caller sets a shorter time', async () => {
    await exchange(foreman.url, post('/api/embed', { model: 'tiny-embed', input: 'hi', keep_alive: '1m' }))
    await embedderIsPinned()
  })

  test('the embedder is pinned again after a restart of Ollama', async () => {
    await ollama.kill()
    await foreman.shows('the target gone', ({ target }) => target.reachable === false)
    await ollama.restart()
    await embedderIsPinned()
  })
})
