// Interruptions with the real Ollama: embeddings during a chat, callers that hang up, and a target that is killed during a
// run and comes back.

import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { begin, exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { likeness } from './likeness.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

const hello = [{ role: 'user', content: 'tell me a very long story' }]
/**
 * Runs much longer than any wait here. Without the penalty the model sometimes repeats one word 30 times, after which Ollama
 * stops it: once after 234 tokens.
 */
const endless = post('/api/chat', {
  ...{ model: 'tiny-slow', messages: hello, options: { num_predict: 1_000_000, frequency_penalty: 2 } },
})
const quick = post('/api/chat', {
  ...{ model: 'tiny-a', messages: hello, stream: false, options: { seed: 7, temperature: 0, num_predict: 5 } },
})
/** Some seconds of work without a byte before its end. The temperature prevents repetition, which Ollama would stop. */
const slow = post('/api/chat', {
  ...{ model: 'tiny-slow', messages: hello, stream: false, options: { seed: 7, temperature: 1, num_predict: 400 } },
})
const embed = post('/api/embed', { model: 'tiny-embed', input: 'hello' })

async function firstByte(answer: IncomingMessage): Promise<void> {
  await new Promise((resolve, reject) => answer.once('readable', resolve).once('error', reject))
}

const jobOf = (answer: IncomingMessage) => String(answer.headers['x-foreman-job-id'])

describeWithOllama('a target that is at work', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama({ OLLAMA_MAX_LOADED_MODELS: '2' })
    // Even on a busy machine, no heartbeat begins an answer, and no caller is refused before Ollama is back.
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_UNREACHABLE_GRACE: '10m' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  const isIdle = () => foreman.shows('nothing at work', ({ running, queue }) => running === null && queue.waiting === 0)

  test('Ollama embeds for every caller while a long chat is streamed', async () => {
    const chat = await begin(foreman.url, endless)
    await firstByte(chat)
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(foreman.url, embed)))
    const { running } = await foreman.status()
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(running).toMatchObject({ job_id: jobOf(chat), model: 'tiny-slow', state: 'working' })
    chat.destroy()
    await isIdle()
  })

  test('Ollama stops if its caller hangs up during the stream, and starts the next job', async () => {
    const chat = await begin(foreman.url, endless)
    await firstByte(chat)
    const next = exchange(foreman.url, quick)
    await foreman.shows('the next one waiting', ({ queue }) => queue.waiting === 1)
    const ended = ollama.log.length
    chat.destroy()
    expect(await next).toMatchObject({ status: 200, complete: true })
    const chatsInLog = () => ollama.log.slice(ended).match(/POST +"\/api\/chat"/g)?.length ?? 0
    // Ollama logs a line for each finished request: the cut one, and the one after it.
    await until(
      'Ollama is done with both',
      async () => chatsInLog(),
      (count) => count === 2,
    )
    await isIdle()
  })

  test('Ollama never gets the request of a caller that hung up in the queue', async () => {
    const chat = await begin(foreman.url, endless)
    await firstByte(chat)
    const leaving = new AbortController()
    const gone = begin(foreman.url, post('/api/chat', { model: 'tiny-c', messages: hello }), leaving.signal)
    await foreman.shows('one waiting', ({ queue }) => queue.waiting === 1)
    leaving.abort()
    await expect(gone).rejects.toThrow()
    await foreman.shows('nobody on the line but one', ({ counters }) => counters.callers === 1)
    chat.destroy()
    await isIdle()
    const { body } = await exchange(ollama.url, { method: 'GET', path: '/api/ps' })
    expect(body.toString()).not.toContain('tiny-c')
  })

  test('Ollama unloads a model for a caller, and foreman knows it', async () => {
    await exchange(foreman.url, quick)
    await foreman.shows('the model', ({ target }) => target.resident.some(({ model }) => model === 'tiny-a:latest'))
    const answer = await exchange(foreman.url, post('/api/generate', { model: 'tiny-a', keep_alive: 0 }))
    expect(answer.body.toString()).toContain('"done_reason":"unload"')
    await foreman.shows('it gone', ({ target }) => target.resident.every(({ model }) => model !== 'tiny-a:latest'))
    const { body } = await exchange(ollama.url, { method: 'GET', path: '/api/ps' })
    expect(body.toString()).not.toContain('tiny-a')
  })

  test('Ollama is killed before the first byte and restarted, and every caller gets the right answer', async () => {
    // Since 0.30 the answers of a cached and of a newly evaluated prompt differ after some hundred tokens.
    await exchange(ollama.url, post('/api/generate', { model: 'tiny-slow', keep_alive: 0 }))
    const right = {
      slow: likeness(await exchange(ollama.url, slow)),
      quick: likeness(await exchange(ollama.url, quick)),
    }
    expect(right.slow.body).toContain('"done":true')
    const first = exchange(foreman.url, slow)
    await foreman.shows('it at work', ({ running }) => running?.model === 'tiny-slow')
    const second = exchange(foreman.url, quick)
    await foreman.shows('another one waiting', ({ queue }) => queue.waiting === 1)
    await ollama.kill()
    await foreman.shows('the target gone', ({ target, queue }) => target.reachable === false && queue.waiting === 2)
    const third = exchange(foreman.url, quick)
    await foreman.shows('a third one waiting', ({ queue }) => queue.waiting === 3)
    await ollama.restart()
    expect(likeness(await first)).toEqual(right.slow)
    expect(likeness(await second)).toEqual(right.quick)
    expect(likeness(await third)).toEqual(right.quick)
  })

  test('Ollama is killed during a stream, and the caller gets an error and a cut', async () => {
    const chat = await begin(foreman.url, endless)
    let told = ''
    const cut = new Promise<Error>((resolve) => chat.once('error', resolve))
    const begun = new Promise((resolve) => chat.setEncoding('utf8').once('data', resolve))
    chat.on('data', (chunk) => {
      told += chunk
    })
    await begun
    await ollama.kill()
    expect(await cut).toMatchObject({ code: 'ECONNRESET' })
    const lines = told.trimEnd().split('\n')
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ error: expect.stringContaining('lost in the middle') })
    await ollama.restart()
    expect(await exchange(foreman.url, quick)).toMatchObject({ status: 200, complete: true })
  })
})
