// Intended differences between foreman and Ollama. Each test also checks Ollama's behaviour, to notice changes in new versions.

import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isSince } from '../../src/daemon/domain/ollama-version.ts'
import { type Answer, type Call, exchange, post } from './exchange.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

const hello = [{ role: 'user', content: 'hello' }]
const options = { seed: 7, temperature: 0, num_predict: 4 }
const chat = { model: 'tiny-a', messages: hello, stream: false, options }

/** With this prompt, this penalty and temperature 0 the model repeats "right" endlessly, and Ollama stops it. */
const repeating = {
  model: 'tiny-a',
  messages: [{ role: 'user', content: 'tell me a very long story' }],
  options: { seed: 7, temperature: 0, num_predict: 300, repeat_penalty: 0.5 },
}
/** Since this version Ollama reports the stop. */
const TELLS = '0.33.0'
const ABORTED = 'prediction aborted, token repeat limit reached'

describeWithOllama('foreman differs from Ollama on purpose', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  const both = async (call: Call): Promise<readonly [direct: Answer, through: Answer]> => [
    await exchange(ollama.url, call),
    await exchange(foreman.url, call),
  ]

  test('an answer that Ollama cuts off because the model repeats itself is a failure', async () => {
    const [direct, through] = await both(post('/api/chat', { ...repeating, stream: false }))
    const error = JSON.parse(through.body.toString()).error
    if (isSince(ollama.version, TELLS)) {
      expect([direct.status, direct.body.toString()]).toEqual([500, JSON.stringify({ error: ABORTED })])
      expect([through.status, error]).toEqual([500, ABORTED])
    } else {
      expect([direct.status, direct.body.toString()]).toEqual([200, expect.stringContaining('"done":false')])
      expect([through.status, error]).toEqual([502, "the target's answer ended before it was complete"])
    }
  })

  test('a stream that Ollama cuts off because the model repeats itself ends with an error and a cut', async () => {
    const [direct, through] = await both(post('/api/chat', repeating))
    expect([direct.status, direct.complete]).toEqual([200, true])
    expect(direct.body.toString()).not.toContain('"done":true')
    const lines = through.body.toString().trimEnd().split('\n')
    expect([through.status, through.complete]).toEqual([200, false])
    const tells = isSince(ollama.version, TELLS)
    const error = tells ? ABORTED : "the target's answer ended before it was complete"
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ error })
    // Before that version, foreman sends one record more than Ollama.
    expect(lines.length).toBe(direct.body.toString().trimEnd().split('\n').length + (tells ? 0 : 1))
  })

  test('a body with two models is rejected', async () => {
    const twice = JSON.stringify(chat).replace('{', '{"model":"tiny-b",')
    const [direct, through] = await both({ method: 'POST', path: '/api/chat', body: twice })
    expect([direct.status, through.status]).toEqual([200, 400])
  })

  test('an encoding that Ollama does not decode is named in the error', async () => {
    const headers = { 'Content-Encoding': 'gzip' }
    const call = { method: 'POST', path: '/api/chat', headers, body: gzipSync(JSON.stringify(chat)) }
    const [direct, through] = await both(call)
    expect([direct.status, through.status]).toEqual([400, 415])
  })
})
