// Other provider packages with foreman's URL: chats, streams and aborts work as with Ollama.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, streamText } from 'ai'
import { createOllama } from 'ollama-ai-provider-v2'
import { describe, expect, it } from 'vitest'
import type { JobListDocument } from '../../../src/protocol/wire.ts'
import { read } from '../../caller.ts'
import { until } from '../../harness.ts'
import { all } from './answering.ts'
import { whole } from './whole.ts'

const PROVIDERS = {
  'ollama-ai-provider-v2': (url: string) => createOllama({ baseURL: `${url}/api` })('tiny-a'),
  '@ai-sdk/openai-compatible': (url: string) =>
    createOpenAICompatible({ name: 'foreman', baseURL: `${url}/v1` })('tiny-a'),
}

describe.each(Object.entries(PROVIDERS))('%s', (_, modelAt) => {
  it('chats', async () => {
    const { url } = await whole()
    const { text, finishReason, response } = await generateText({ model: modelAt(url), prompt: 'hi' })
    expect({ text, finishReason }).toEqual({ text: 'Hello world!', finishReason: 'stop' })
    expect(response.headers).toHaveProperty('x-foreman-job-id')
  })

  it('streams word by word', async () => {
    const { url, fake } = await whole()
    fake.hold('middle')
    const words = streamText({ model: modelAt(url), prompt: 'hi' }).textStream[Symbol.asyncIterator]()
    expect((await words.next()).value).toBe('Hello')
    fake.release('middle')
    expect((await all({ [Symbol.asyncIterator]: () => words })).join('')).toBe(' world!')
  })

  it('aborts: the target stops and the job is cancelled', async () => {
    const { url, fake } = await whole()
    fake.hold('middle')
    const abort = new AbortController()
    const result = streamText({ model: modelAt(url), prompt: 'hi', abortSignal: abort.signal })
    const parts = all(result.fullStream)
    await fake.waiting('middle')
    abort.abort()
    expect((await parts).at(-1)).toMatchObject({ type: 'abort' })
    expect(await fake.workers[0]?.over).toBe('aborted')
    await until('it is cancelled', async () => {
      const { jobs } = await read<JobListDocument>(url, '/jobs')
      return jobs.length === 1 && jobs[0]?.state === 'cancelled'
    })
  })
})
