// The unchanged official JavaScript client: a program gets the same from foreman as from Ollama.

import { Ollama } from 'ollama'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACTING, ACTING_TOOLS, TWO_CALLS } from './acting-model.ts'
import { begin, exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'
import { timeless } from './same-question.ts'

const options = { seed: 7, temperature: 0, num_predict: 6 }
const messages = [{ role: 'user', content: 'hello there' }]
const chat = { model: 'tiny-a', messages, options }
const generate = { model: 'tiny-a', prompt: 'hello there', options }
/** The penalty keeps it from repeating one word 30 times, after which Ollama would stop it. */
const endless = { model: 'tiny-slow', messages, options: { num_predict: 1_000_000, frequency_penalty: 2 } }
const parameters = { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] }
const tools = [{ type: 'function', function: { name: 'weather', description: 'of a town', parameters } }]
const acting = {
  model: ACTING,
  messages: [{ role: 'user', content: 'hello' }],
  options: { ...options, seed: 1, num_predict: 8 },
}
const calling = {
  ...{ ...acting, think: false, tools: [...ACTING_TOOLS], format: TWO_CALLS },
  options: { ...acting.options, num_predict: 256 },
}
const format = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }

async function all(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const chunks: unknown[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

const QUESTIONS: Readonly<Record<string, (client: Ollama) => Promise<unknown>>> = {
  'a chat': (client) => client.chat(chat),
  'a streamed chat': async (client) => all(await client.chat({ ...chat, stream: true })),
  'a chat with tools': (client) => client.chat({ ...chat, tools }),
  'a chat that wants JSON': (client) => client.chat({ ...chat, format: 'json' }),
  'a streamed chat that wants JSON of a schema': async (client) =>
    all(await client.chat({ ...chat, format, stream: true })),
  'a chat with log probabilities': (client) => client.chat({ ...chat, logprobs: true, top_logprobs: 2 }),
  'a chat that thinks': (client) => client.chat({ ...acting, think: true }),
  'a streamed chat that thinks': async (client) => all(await client.chat({ ...acting, think: true, stream: true })),
  'a completion that thinks': (client) => client.generate({ model: ACTING, prompt: 'hello', think: true, options }),
  'a chat that calls tools': (client) => client.chat(calling),
  'a streamed chat that calls tools': async (client) => all(await client.chat({ ...calling, stream: true })),
  'a completion': (client) => client.generate(generate),
  'a streamed completion': async (client) => all(await client.generate({ ...generate, stream: true })),
  'a raw completion': (client) => client.generate({ ...generate, raw: true }),
  'a load': (client) => client.generate({ model: 'tiny-a', prompt: '' }),
  'an unload': (client) => client.generate({ model: 'tiny-a', prompt: '', keep_alive: 0 }),
  'an embedding': (client) => client.embed({ model: 'tiny-embed', input: 'hello' }),
  embeddings: (client) => client.embed({ model: 'tiny-embed', input: ['hello', 'there'] }),
  'an old embedding': (client) => client.embeddings({ model: 'tiny-embed', prompt: 'hello' }),
  'the models': (client) => client.list(),
  'a model': (client) => client.show({ model: 'tiny-embed' }),
  'the version': (client) => client.version(),
}

const MISTAKES: Readonly<Record<string, (client: Ollama) => Promise<unknown>>> = {
  'a chat with a model that is not installed': (client) => client.chat({ ...chat, model: 'nope' }),
  'a streamed chat with a model that is not installed': (client) =>
    client.chat({ ...chat, model: 'nope', stream: true }),
  'a chat with an embedding model': (client) => client.chat({ ...chat, model: 'tiny-embed' }),
  'a streamed chat that is to think, of a model that cannot': (client) =>
    client.chat({ ...chat, think: true, stream: true }),
  'a completion without a model': (client) => client.generate({ ...generate, model: '' }),
  'an embedding by a model that is not installed': (client) => client.embed({ model: 'nope', input: 'x' }),
  'a look at a model that is not installed': (client) => client.show({ model: 'nope' }),
}

describeWithOllama('the JavaScript client', () => {
  let ollama: RealOllama
  let foreman: Foreman
  let direct: Ollama
  let through: Ollama
  /** In front of the same Ollama, with a short heartbeat. */
  let patient: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    // No heartbeat begins an answer before Ollama's own, even on a busy machine.
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_POLL_INTERVAL: '500ms' })
    patient = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '200ms' })
    direct = new Ollama({ host: ollama.url })
    through = new Ollama({ host: foreman.url })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await patient?.stop()
    await ollama?.stop()
  })

  test.for(Object.entries(QUESTIONS))('the client gets %s as from Ollama', async ([, ask]) => {
    expect(timeless(await ask(through))).toEqual(timeless(await ask(direct)))
  })

  test.for(Object.entries(MISTAKES))('the client gets the error for %s as from Ollama', async ([, ask]) => {
    const mistake = async (client: Ollama) => {
      const error: unknown = await ask(client).then(
        () => null,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(Error)
      return { ...(error as Error), message: (error as Error).message }
    }
    expect(await mistake(through)).toEqual(await mistake(direct))
  })

  test('the client sees what is loaded', async () => {
    await direct.embed({ model: 'tiny-embed', input: 'x' })
    const names = async (client: Ollama) => (await client.ps()).models.map(({ name }) => name)
    const loaded = await names(direct)
    expect(loaded).toContain('tiny-embed:latest')
    await until(
      'foreman sees the same',
      () => names(through),
      (seen) => String(seen) === String(loaded),
    )
  })

  test('the client may not manage models, and the error says how to allow it', async () => {
    await expect(through.delete({ model: 'tiny-a' })).rejects.toThrow('FOREMAN_ALLOW_MANAGEMENT')
    await expect(through.pull({ model: 'tiny-a' })).rejects.toThrow('FOREMAN_ALLOW_MANAGEMENT')
    await expect(through.copy({ source: 'tiny-a', destination: 'b' })).rejects.toThrow('FOREMAN_ALLOW_MANAGEMENT')
  })

  test('a client that leaves a stream leaves the target free', async () => {
    const client = new Ollama({ host: foreman.url })
    const stream = await client.chat({ ...endless, stream: true })
    const reading = all(stream)
    await foreman.shows('it at work', ({ running }) => running?.state === 'working')
    client.abort()
    await expect(reading).rejects.toThrow(/abort/i)
    await foreman.shows('nothing at work', ({ running }) => running === null)
  })

  test('a client that waits long in the queue gets heartbeats and reads its answer', async () => {
    const right = { whole: await direct.chat(chat), streamed: await all(await direct.chat({ ...chat, stream: true })) }
    await exchange(patient.url, post('/pause', {}))
    const waiting = new Ollama({ host: patient.url })
    const whole = waiting.chat(chat)
    const streamed = waiting.chat({ ...chat, stream: true }).then(all)
    await patient.shows('both waiting', ({ queue }) => queue.waiting === 2)
    // A third caller, which came later, has received two heartbeats, so the others have too.
    const witness = await begin(patient.url, post('/api/chat', chat))
    await new Promise((told) => {
      let beats = 0
      witness.on('data', ({ length }: Buffer) => {
        beats += length
        if (beats >= 2) told(null)
      })
    })
    await exchange(patient.url, post('/resume', {}))
    expect(timeless(await whole)).toEqual(timeless(right.whole))
    expect(timeless(await streamed)).toEqual(timeless(right.streamed))
    await patient.shows('the witness answered as well', ({ counters }) => counters.callers === 0)
  })

  test('a client that gives up in the queue ends its job', async () => {
    const client = new Ollama({ host: patient.url })
    await exchange(patient.url, post('/pause', {}))
    // After the first heartbeat there is a stream to abort, although the target has not got the request yet.
    const stream = await client.chat({ ...chat, model: 'tiny-c', stream: true })
    const reading = all(stream)
    client.abort()
    await expect(reading).rejects.toThrow(/abort/i)
    await patient.shows('nobody on the line', ({ counters }) => counters.callers === 0)
    await exchange(patient.url, post('/resume', {}))
    await client.chat(chat)
    expect((await direct.ps()).models.map(({ name }) => name)).not.toContain('tiny-c:latest')
  })
})
