// Callers that wait long get heartbeats, and after them Ollama's unchanged answer.

import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { begin, type Call, exchange, post } from './exchange.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { likeness } from './likeness.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

const model = 'tiny-a'
const messages = [{ role: 'user', content: 'hello there' }]
const options = { seed: 7, temperature: 0, num_predict: 6 }
const same = { seed: 7, temperature: 0, max_tokens: 6 }

const SPACES = /^ +/
const COMMENTS = /^(: [^\n]*\n\n)+/
const PINGS = /^(event: ping\ndata: \{"type":"ping"\}\n\n)+/

const CALLS: readonly (readonly [what: string, beats: RegExp, call: Call])[] = [
  ['a streamed chat', SPACES, post('/api/chat', { model, messages, options })],
  ['a chat in one piece', SPACES, post('/api/chat', { model, messages, options, stream: false })],
  ['a load', SPACES, post('/api/chat', { model })],
  ['a streamed completion', SPACES, post('/api/generate', { model, prompt: 'hello', options })],
  ['a completion in one piece', SPACES, post('/api/generate', { model, prompt: 'hello', options, stream: false })],
  ['a streamed chat completion', COMMENTS, post('/v1/chat/completions', { model, messages, ...same, stream: true })],
  ['a chat completion in one piece', SPACES, post('/v1/chat/completions', { model, messages, ...same })],
  ['a streamed plain completion', COMMENTS, post('/v1/completions', { model, prompt: 'hi', ...same, stream: true })],
  ['a streamed response', COMMENTS, post('/v1/responses', { model, input: 'hi', temperature: 0, stream: true })],
  ['a response in one piece', SPACES, post('/v1/responses', { model, input: 'hi', temperature: 0 })],
  ['a streamed message', PINGS, post('/v1/messages', { model, messages, ...same, stream: true })],
  ['a message in one piece', SPACES, post('/v1/messages', { model, messages, ...same })],
]

/** Reads to the end. `beaten` resolves when two pieces have arrived. */
function read(answer: IncomingMessage): { readonly beaten: Promise<void>; readonly body: Promise<Buffer> } {
  const chunks: Buffer[] = []
  const beaten = new Promise<void>((resolve) => {
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (chunks.length === 2) resolve()
    })
  })
  const body = new Promise<Buffer>((resolve, reject) => {
    answer.once('end', () => resolve(Buffer.concat(chunks))).once('error', reject)
  })
  return { beaten, body }
}

describeWithOllama('a caller who waits long', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '100ms' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  test.for(CALLS)("%s gets heartbeats and then Ollama's answer", async ([, beats, call]) => {
    const direct = await exchange(ollama.url, call)
    expect(direct.status).toBe(200)
    await exchange(foreman.url, post('/pause', {}))
    const answer = await begin(foreman.url, call)
    const { beaten, body } = read(answer)
    await beaten
    await exchange(foreman.url, post('/resume', {}))
    const heard = (await body).toString('latin1')
    expect(heard).toMatch(beats)
    const type = answer.headers['content-type'] ?? ''
    const through = { ...direct, headers: [['Content-Type', type]] as const, body: heard.replace(beats, '') }
    const expected = likeness(direct)
    expect(likeness({ ...through, body: Buffer.from(through.body, 'latin1') })).toEqual({
      ...expected,
      // The answer began before Ollama could send its cache headers.
      headers: expected.headers.filter((header) => !header.startsWith('Cache-Control')),
    })
  })
})
