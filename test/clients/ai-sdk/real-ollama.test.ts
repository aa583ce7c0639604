// The provider and other providers, through foreman in front of a real Ollama with tiny models. The answers make no sense,
// but their form is real.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany, generateText, jsonSchema, Output, streamText, tool } from 'ai'
import { createOllama } from 'ollama-ai-provider-v2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createForeman, type ForemanProvider, type JobProgress } from '../../../src/ai-sdk/index.ts'
import { ACTING, TWO_CALLS } from '../../ollama/acting-model.ts'
import { exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman, until } from '../../ollama/foreman.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from '../../ollama/real-ollama.ts'
import { all, textIn } from './answering.ts'

const short = { prompt: 'hello there', maxOutputTokens: 6, temperature: 0, seed: 7 }
const acting = { prompt: 'hello', temperature: 0, seed: 1 } as const
const calling = {
  ...acting,
  ...{
    maxOutputTokens: 256,
    reasoning: 'none' as const,
    output: Output.object({ schema: jsonSchema<unknown>(TWO_CALLS) }),
  },
  tools: {
    weather: tool({ description: 'of a town', inputSchema: z.object({ town: z.string() }), outputSchema: z.string() }),
  },
}
/** The calls that TWO_CALLS forces. */
const CALLS = ['Łódź', '<&> "x"'].map((town) => ({ type: 'tool-call', toolName: 'weather', input: { town } }))

describeWithOllama('in front of a real Ollama', () => {
  let ollama: RealOllama
  let program: Foreman
  let foreman: ForemanProvider
  beforeAll(async () => {
    ollama = await startOllama()
    program = await startForeman(ollama.url)
    foreman = createForeman({ url: program.url })
  }, FIRST_START_MS)
  afterAll(async () => {
    await program?.stop()
    await ollama?.stop()
  })

  test('an answer is the same, streamed or not, through this provider and others', async () => {
    const { text, usage, finishReason } = await generateText({ model: foreman('tiny-a'), ...short })
    expect(text).not.toBe('')
    expect(finishReason).toBe('length')
    expect(usage.outputTokens).toBe(6)
    const parts = await all(streamText({ model: foreman('tiny-a'), ...short }).fullStream)
    expect(textIn(parts)).toBe(text)
    const others = [
      createOllama({ baseURL: `${program.url}/api` })('tiny-a'),
      createOpenAICompatible({ name: 'foreman', baseURL: `${program.url}/v1` })('tiny-a'),
    ]
    // ollama-ai-provider-v2 drops seed and maxOutputTokens; it passes on what is under its own name.
    const providerOptions = { ollama: { options: { seed: 7, temperature: 0, num_predict: 6 } } }
    for (const model of others) expect(await streamText({ model, ...short, providerOptions }).text).toBe(text)
  })

  test('an object has the requested schema', async () => {
    const schema = z.object({ ok: z.boolean() })
    const result = await generateText({
      model: foreman('tiny-a'),
      prompt: 'hello',
      seed: 7,
      maxOutputTokens: 200,
      output: Output.object({ schema }),
    })
    expect(schema.parse(result.output)).toEqual({ ok: expect.any(Boolean) })
  })

  /** Ours submits jobs; the other one calls /v1/chat/completions and gets its answer live. */
  const models = () => [
    foreman(ACTING),
    createOpenAICompatible({ name: 'foreman', baseURL: `${program.url}/v1`, supportsStructuredOutputs: true })(ACTING),
  ]

  test('the reasoning of a model is the same as without foreman, streamed or not, as a job or a waiting call', async () => {
    const messages = [{ role: 'user', content: acting.prompt }]
    const options = { temperature: 0, seed: 1, num_predict: 8 }
    const chat = { model: ACTING, messages, think: true, stream: false, options }
    const direct = await exchange(ollama.url, post('/api/chat', chat))
    const { thinking } = (JSON.parse(direct.body.toString()) as { message: { thinking: string } }).message
    expect(thinking).toMatch(/\w/)
    // Ollama 0.17.4 refuses levels on /v1/chat/completions; without one the model thinks.
    const levels = ['high', 'provider-default'] as const
    for (const [n, model] of models().entries()) {
      const thinks = { model, ...acting, maxOutputTokens: 8, reasoning: levels[n] ?? 'provider-default' }
      expect((await generateText(thinks)).reasoningText).toBe(thinking)
      expect(await streamText(thinks).reasoningText).toBe(thinking)
    }
  })

  test('tool calls of a model arrive as tool calls, streamed or not, as a job or a waiting call', async () => {
    for (const model of models()) {
      const whole = await generateText({ model, ...calling })
      expect(whole.toolCalls).toMatchObject(CALLS)
      expect(whole.finishReason).toBe('tool-calls')
      const streamed = streamText({ model, ...calling })
      const parts = await all(streamed.fullStream)
      expect(parts.filter(({ type }) => type === 'tool-call')).toMatchObject(CALLS)
      expect(await streamed.finishReason).toBe('tool-calls')
    }
  })

  test('embeddings arrive', async () => {
    const { embeddings } = await embedMany({ model: foreman.embeddingModel('tiny-embed'), values: ['sky', 'sea'] })
    expect(embeddings.map(({ length }) => length > 0)).toEqual([true, true])
  })

  test("an unsupported request is refused with Ollama's text, once", async () => {
    const call = generateText({ model: foreman('tiny-a'), ...short, reasoning: 'high' })
    await expect(call).rejects.toMatchObject({
      statusCode: 400,
      isRetryable: false,
      message: expect.stringContaining('does not support thinking'),
    })
  })

  test('an abort stops a model with a long answer', async () => {
    const seen: JobProgress[] = []
    const abort = new AbortController()
    const model = foreman('tiny-slow', { onState: (progress) => seen.push(progress) })
    // The penalty keeps it from repeating one word 30 times, after which Ollama would stop it.
    const wishes = { maxOutputTokens: 1_000_000, frequencyPenalty: 2 }
    const options = { model, prompt: 'hello', ...wishes, abortSignal: abort.signal }
    const parts = []
    for await (const part of streamText(options).fullStream) {
      parts.push(part)
      if (part.type === 'text-delta') abort.abort()
    }
    expect(parts.at(-1)).toMatchObject({ type: 'abort' })
    const { jobId = '' } = seen[0] ?? {}
    await until(
      'the job is cancelled',
      async () => (await foreman.client.get(jobId)).state,
      (state) => state === 'cancelled',
    )
    await program.shows('an idle target', ({ running }) => running === null)
  })
})
