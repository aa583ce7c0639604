// streamText of the real AI SDK through the whole foreman: parts arrive during the answer, and before it they report the
// state of the job.

import { generateText, isStepCount, streamText, tool } from 'ai'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cut, fails, says } from '../../fake-ollama.ts'
import { until } from '../../harness.ts'
import { all, answers, textIn } from './answering.ts'
import { whole } from './whole.ts'

describe('streamText', () => {
  it('yields each word as it is generated', async () => {
    const { foreman, fake } = await whole()
    fake.hold('middle')
    const result = streamText({ model: foreman('tiny-a'), prompt: 'hi' })
    const words = result.textStream[Symbol.asyncIterator]()
    expect((await words.next()).value).toBe('Hello')
    expect(fake.workers[0]?.isOver).toBe(false)
    fake.release('middle')
    expect([(await words.next()).value, (await words.next()).value, (await words.next()).done]).toEqual([
      ' world',
      '!',
      true,
    ])
    expect(await result.finishReason).toBe('stop')
    expect(await result.usage).toMatchObject({ inputTokens: 11, outputTokens: 3 })
    expect((await result.providerMetadata)?.['foreman']).toMatchObject({
      jobId: (await result.response).id,
      state: 'done',
      attempt: 1,
    })
  })

  it('separates reasoning, text and tool calls', async () => {
    const { foreman, fake } = await whole()
    const call = { id: 'call_1', function: { name: 'weather', arguments: { town: 'Oslo' } } }
    const said = [{ thinking: 'let' }, { thinking: ' me' }, { content: 'I ask' }, { tool_calls: [call] }]
    fake.on('/api/chat', answers(said), says('rain'))
    const weather = tool({ inputSchema: z.object({ town: z.string() }), execute: async () => 'wet' })
    const result = streamText({
      model: foreman('tiny-a'),
      prompt: 'weather?',
      tools: { weather },
      stopWhen: isStepCount(2),
    })
    const parts = await all(result.fullStream)
    const kinds = parts.map(({ type }) => type)
    expect(kinds.slice(0, kinds.indexOf('finish-step') + 1)).toEqual([
      'start',
      'start-step',
      'reasoning-start',
      'reasoning-delta',
      'reasoning-delta',
      'reasoning-end',
      'text-start',
      'text-delta',
      'text-end',
      'tool-input-start',
      'tool-input-delta',
      'tool-input-end',
      'tool-call',
      'tool-result',
      'finish-step',
    ])
    expect(parts.find(({ type }) => type === 'tool-call')).toMatchObject({
      toolCallId: 'call_1',
      input: { town: 'Oslo' },
    })
    expect(await result.text).toBe('rain')
  })

  it('reports the queue position while it waits', async () => {
    const { foreman, fake, seen } = await whole({ stateParts: true })
    fake.hold('middle')
    const first = generateText({ model: foreman('tiny-b', { onState: undefined }), prompt: 'first' })
    await fake.waiting('middle')
    const result = streamText({ model: foreman('tiny-a'), prompt: 'hi', include: { rawChunks: true } })
    const parts = all(result.fullStream)
    await until('its place is known', () => seen.some(({ state, position }) => state === 'queued' && position === 1))
    fake.release('middle')
    await first
    const told = (await parts).flatMap((part) => (part.type === 'custom' ? [part.providerMetadata?.['foreman']] : []))
    expect(told).toEqual(seen)
    const { id } = await result.response
    expect(seen[0]).toMatchObject({ jobId: id, state: 'queued', position: 1 })
    expect(seen.at(-1)).toMatchObject({ state: 'done', position: null, attempt: 1 })
    const raw = (await parts).flatMap((part) => (part.type === 'raw' ? [part.rawValue] : []))
    expect(raw).toContainEqual({ foreman: seen[0] })
    expect(raw).toContainEqual(expect.objectContaining({ done: true, eval_count: 3 }))
  })

  it('ends with an error and without a second answer if the target is lost after some text', async () => {
    const { foreman, fake, clock } = await whole()
    fake.on('/api/chat', { ...cut('fin', 1), tokens: ['half', ' of it'] })
    const result = streamText({ model: foreman('tiny-a'), prompt: 'hi', onError: () => undefined })
    const parts = await all(result.fullStream)
    expect(textIn(parts)).toBe('half')
    expect(parts.find(({ type }) => type === 'error')).toMatchObject({ error: { data: { code: 'answer_voided' } } })
    clock.advance(60_000)
    await until('the queue is empty', async () => (await foreman.client.status()).queue.waiting === 0)
    const { jobs } = await foreman.client.list()
    expect(jobs.map(({ state }) => state)).toEqual(['cancelled'])
    expect(fake.workers).toHaveLength(1)
  })

  it('restarts on its own if the application wants that', async () => {
    const { foreman, fake } = await whole()
    fake.on('/api/chat', { ...cut('fin', 1), tokens: ['half', ' of it'] })
    const result = streamText({ model: foreman('tiny-a'), prompt: 'hi', streamRetries: 1, onError: () => undefined })
    const parts = await all(result.fullStream)
    expect(textIn(parts)).toBe('halfHello world!')
    expect(await result.text).toBe('Hello world!')
  })

  it('ends with the error of a failed job', async () => {
    const { foreman, fake } = await whole()
    fake.on('/api/chat', fails(400, 'no such thing'))
    const result = streamText({ model: foreman('tiny-a'), prompt: 'hi', onError: () => undefined })
    const parts = await all(result.fullStream)
    expect(parts.find(({ type }) => type === 'error')).toMatchObject({
      error: { message: 'no such thing', statusCode: 400, isRetryable: false },
    })
  })
})
