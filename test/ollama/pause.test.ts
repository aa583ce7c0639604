// A pause with unload frees the memory of a real Ollama.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PauseDocument } from '../../src/protocol/wire.ts'
import { exchange, post } from './exchange.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

describeWithOllama('a pause with unload', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    foreman = await startForeman(ollama.url)
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  test('a pause with unload leaves no model in memory, embedders included, and names them', async () => {
    await exchange(ollama.url, post('/api/embed', { model: 'tiny-embed', input: 'x', keep_alive: -1 }))
    const chat = { messages: [{ role: 'user', content: 'x' }], options: { num_predict: 2 } }
    await exchange(foreman.url, post('/api/chat', { model: 'tiny-a', ...chat }))
    const answer = await exchange(foreman.url, post('/pause', { unload: true }))
    const { unload } = JSON.parse(answer.body.toString()) as PauseDocument
    expect(unload?.state).toBe('done')
    expect([...(unload?.unloaded ?? [])].sort()).toEqual(['tiny-a:latest', 'tiny-embed:latest'])
    const { body } = await exchange(ollama.url, { method: 'GET', path: '/api/ps' })
    expect(JSON.parse(body.toString())).toEqual({ models: [] })
  })
})
