// generateText and similar functions of the real AI SDK through the whole foreman: the request reaches the target, its
// answer comes back, and the metadata names the job.

import { APICallError, embedMany, generateText, isStepCount, Output, tool, UnsupportedFunctionalityError } from 'ai'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { JobDocument } from '../../../src/ai-sdk/index.ts'
import { read } from '../../caller.ts'
import { cut, fails, hangsUp, says, unmarked } from '../../fake-ollama.ts'
import { onFreePort } from '../../free-port.ts'
import { passTime, startForeman, until } from '../../harness.ts'
import { answers, chatBody } from './answering.ts'
import { whole } from './whole.ts'

/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

describe('generateText', () => {
  it('returns the answer, the token counts and the job', async () => {
    const { foreman, url, seen } = await whole()
    const result = await generateText({ model: foreman('tiny-a', { label: 'sky' }), prompt: 'hi' })
    expect(result.text).toBe('Hello world!')
    expect(result.finishReason).toBe('stop')
    expect(result.usage).toMatchObject({ inputTokens: 11, outputTokens: 3 })
    expect(result.warnings).toEqual([])
    const shown = result.providerMetadata?.['foreman'] ?? {}
    const job = await read<JobDocument>(url, `/jobs/${result.response.id}`)
    expect(shown).toEqual({
      jobId: job.job_id,
      state: 'done',
      position: null,
      attempt: 1,
      maxAttempts: 3,
      label: 'sky',
      queueMs: job.timings.queue_ms,
      loadMs: job.timings.load_ms,
      runMs: job.timings.run_ms,
      createdAt: job.created_at,
      startedAt: job.started_at,
      finishedAt: job.finished_at,
      doneReason: 'stop',
    })
    expect(seen.map(({ state }) => state).filter((state, n, all) => state !== all[n - 1])).toEqual([
      'queued',
      'loading',
      'working',
      'done',
    ])
  })

  it("sends its options with the target's names", async () => {
    const { foreman, fake } = await whole({ options: { num_ctx: 4096, temperature: 1 }, keepAlive: '2m' })
    await generateText({
      model: foreman('tiny-a'),
      system: 'be brief',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this' },
            { type: 'file', mediaType: 'image/png', data: PNG },
            { type: 'file', mediaType: 'text/plain', data: new TextEncoder().encode('a note') },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'reasoning', text: 'hm' },
            { type: 'text', text: 'a pixel' },
          ],
        },
        { role: 'user', content: 'sure?' },
      ],
      temperature: 0,
      topP: 0.5,
      topK: 3,
      seed: 7,
      maxOutputTokens: 9,
      stopSequences: ['.'],
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      reasoning: 'none',
    })
    expect(chatBody(fake)).toEqual({
      model: 'tiny-a',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'what is this\na note', images: [PNG] },
        { role: 'assistant', content: 'a pixel', thinking: 'hm' },
        { role: 'user', content: 'sure?' },
      ],
      stream: true,
      think: false,
      keep_alive: '2m',
      options: {
        num_ctx: 4096,
        temperature: 0,
        top_p: 0.5,
        top_k: 3,
        seed: 7,
        num_predict: 9,
        stop: ['.'],
        presence_penalty: 0.1,
        frequency_penalty: 0.2,
      },
    })
  })

  it('calls tools and passes their results to the model', async () => {
    const { foreman, fake } = await whole()
    const call = { function: { name: 'weather', arguments: { town: 'Oslo' } } }
    fake.on('/api/chat', answers([{ thinking: 'ask' }, { tool_calls: [call] }]), says('rain'))
    const result = await generateText({
      model: foreman('tiny-a'),
      prompt: 'weather?',
      stopWhen: isStepCount(3),
      tools: {
        weather: tool({
          description: 'of a town',
          inputSchema: z.object({ town: z.string() }),
          execute: async ({ town }) => ({ [town]: 'wet' }),
        }),
      },
    })
    expect(result.text).toBe('rain')
    expect(result.steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop'])
    expect(result.steps[0]?.reasoningText).toBe('ask')
    const parameters = { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] }
    expect(chatBody(fake)['tools']).toMatchObject([
      { type: 'function', function: { name: 'weather', description: 'of a town', parameters } },
    ])
    const id = `${result.steps[0]?.response.id}-0`
    expect(chatBody(fake, 1)['messages']).toEqual([
      { role: 'user', content: 'weather?' },
      { role: 'assistant', content: '', thinking: 'ask', tool_calls: [{ id, ...call }] },
      { role: 'tool', content: '{"Oslo":"wet"}', tool_name: 'weather', tool_call_id: id },
    ])
  })

  it('returns an object of a schema', async () => {
    const { foreman, fake } = await whole()
    fake.on('/api/chat', says('{"ok":', 'true}'))
    const output = Output.object({ schema: z.object({ ok: z.boolean() }) })
    const result = await generateText({ model: foreman('tiny-a'), prompt: 'hi', output })
    expect(result.output).toEqual({ ok: true })
    expect(chatBody(fake)['format']).toMatchObject({ type: 'object', required: ['ok'] })
  })

  it('warns of unsupported and unknown options', async () => {
    const { foreman, fake } = await whole()
    const { warnings } = await generateText({
      model: foreman('tiny-a'),
      prompt: 'hi',
      reasoning: 'low',
      providerOptions: { foreman: { lable: 'x', label: 'y' } },
    })
    expect(warnings).toMatchObject([
      { type: 'other', message: expect.stringContaining('lable is unknown') },
      { type: 'compatibility', feature: 'reasoning low' },
    ])
    expect(chatBody(fake)['think']).toBe(true)
  })

  it('offers only the required tool and warns that it cannot force the model to call it', async () => {
    const { foreman, fake } = await whole()
    const model = foreman('tiny-a')
    const { warnings } = await model.doGenerate({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      tools: [
        { type: 'function', name: 'one', inputSchema: {}, strict: true },
        { type: 'function', name: 'two', inputSchema: {} },
        { type: 'provider', name: 'three', id: 'other.three', args: {} },
      ],
      toolChoice: { type: 'tool', toolName: 'one' },
    })
    expect(warnings).toMatchObject([{ feature: 'toolChoice tool' }, { feature: 'strict mode of tool one' }])
    expect(chatBody(fake)['tools']).toEqual([{ type: 'function', function: { name: 'one', parameters: {} } }])
    const one = tool({ inputSchema: z.object({ town: z.string() }), execute: async () => 'wet' })
    await generateText({ model, prompt: 'hi', tools: { one }, toolChoice: 'none' })
    expect(chatBody(fake, 1)).not.toHaveProperty('tools')
  })

  it('sends no request rather than omit a file that the target cannot read', async () => {
    const { foreman } = await whole()
    const content = [
      { type: 'file' as const, mediaType: 'application/pdf', data: new Uint8Array(4), filename: 'a.pdf' },
    ]
    const call = generateText({ model: foreman('tiny-a'), messages: [{ role: 'user', content }] })
    await expect(call).rejects.toSatisfy((error) => UnsupportedFunctionalityError.isInstance(error))
    expect((await foreman.client.list()).jobs).toEqual([])
  })

  it('returns one answer although the target was lost during it', async () => {
    const here = await whole()
    const { foreman, fake } = here
    fake.on('/api/chat', cut('fin', 1))
    const call = generateText({ model: foreman('tiny-a'), prompt: 'hi' })
    await fake.seen(1)
    await until('it was tried again', async () => {
      await passTime(here, fake, 1_000)
      return fake.workers.length === 2
    })
    const { text, providerMetadata } = await call
    expect(text).toBe('Hello world!')
    expect(providerMetadata?.['foreman']).toMatchObject({ attempt: 2, state: 'done' })
  })
})

describe('a waiting call', () => {
  it('survives a restart of foreman', async () => {
    const { foreman, fake, daemon, clock, config, seen } = await onFreePort((port) =>
      whole({}, { config: { addr: { host: '127.0.0.1', port } } }),
    )
    await foreman.client.pause()
    const call = generateText({ model: foreman('tiny-a'), prompt: 'hi' })
    await until('it waits', () => seen.length > 0)
    const stopping = daemon.stop()
    // Watchers of a job are disconnected at the end of the grace period.
    await until('it has stopped', () => {
      clock.advance(1_000)
      return Promise.race([stopping.then(() => true), new Promise((next) => setImmediate(next, false))])
    })
    await startForeman(fake, { db: config.db, config: { addr: config.addr } })
    await foreman.client.resume()
    const { text, response } = await call
    expect(text).toBe('Hello world!')
    expect(response.id).toBe(seen[0]?.jobId)
    expect(fake.workers).toHaveLength(1)
  })
})

describe('an error', () => {
  it.each([
    ['a 400 of the target', fails(400, 'no such thing'), { statusCode: 400, isRetryable: false, code: 'target_error' }],
    ['a 500 of the target', fails(500, 'no luck'), { statusCode: 500, isRetryable: true, code: 'target_error' }],
    ['an answer that is not whole', unmarked(1), { isRetryable: false, code: 'incomplete_stream' }],
  ])("has the form of the SDK's errors: %s", async (_, script, { code, ...expected }) => {
    const { foreman, fake } = await whole()
    fake.on('/api/chat', script)
    const call = generateText({ model: foreman('tiny-a'), prompt: 'hi', maxRetries: 0 })
    const error = await call.catch((reason: unknown) => reason)
    expect(APICallError.isInstance(error)).toBe(true)
    expect(error).toMatchObject({ ...expected, data: { code, state: 'failed', attempt: 1, jobId: expect.any(String) } })
  })

  it('that a retry cannot mend is not retried', async () => {
    const { foreman, fake } = await whole()
    fake.always('/api/chat', fails(400, 'no such thing'))
    await expect(generateText({ model: foreman('tiny-a'), prompt: 'hi' })).rejects.toThrow('no such thing')
    expect(fake.workers).toHaveLength(1)
  })

  it('for an unknown model needs no job', async () => {
    const { foreman } = await whole()
    const call = generateText({ model: foreman('nope'), prompt: 'hi' })
    await expect(call).rejects.toMatchObject({ statusCode: 404, isRetryable: false, data: { code: 'model_not_found' } })
  })

  it('after a crash of the target ends the job, because foreman has retried', async () => {
    const here = await whole()
    const { foreman, fake } = here
    fake.always('/api/chat', hangsUp())
    const call = generateText({ model: foreman('tiny-a'), prompt: 'hi' }).catch((reason: unknown) => reason)
    await until('all attempts are made', async () => {
      await passTime(here, fake, 1_000)
      return fake.workers.length === 3
    })
    expect(await call).toMatchObject({ isRetryable: false, data: { code: 'attempts_exhausted', attempt: 3 } })
  })

  it('for a full queue says when to retry', async () => {
    const { foreman, fake } = await whole({}, { config: { maxQueue: 1 } })
    fake.hold('middle')
    const running = generateText({ model: foreman('tiny-a'), prompt: 'running' })
    await fake.waiting('middle')
    const waiting = generateText({ model: foreman('tiny-a'), prompt: 'waiting' })
    await until('it waits', async () => (await foreman.client.status()).queue.waiting === 1)
    const full = generateText({ model: foreman('tiny-a'), prompt: 'too many', maxRetries: 0 })
    const error = await full.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ statusCode: 503, isRetryable: true, data: { code: 'queue_full' } })
    expect(error).toMatchObject({ responseHeaders: { 'retry-after': expect.stringMatching(/^\d+$/) } })
    fake.release('middle')
    await Promise.all([running, waiting])
  })
})

describe('embedMany', () => {
  it('does not wait in the queue', async () => {
    const { foreman, fake } = await whole()
    fake.hold('middle')
    const chat = generateText({ model: foreman('tiny-a'), prompt: 'hi' })
    await fake.waiting('middle')
    const { embeddings, usage } = await embedMany({
      model: foreman.embeddingModel('tiny-embed'),
      values: ['sky', 'sea'],
      providerOptions: { foreman: { truncate: false } },
    })
    expect(embeddings).toHaveLength(2)
    expect(usage.tokens).toBe(14)
    expect(fake.requests('/api/embed')[0]?.json).toEqual({
      model: 'tiny-embed',
      input: ['sky', 'sea'],
      truncate: false,
    })
    fake.release('middle')
    await chat
  })

  it("throws an error in the form of the SDK's errors", async () => {
    const { foreman } = await whole()
    const call = embedMany({ model: foreman.embeddingModel('nope'), values: ['sky'] })
    await expect(call).rejects.toMatchObject({ statusCode: 404, isRetryable: false })
  })
})
