// Aborted calls of the real AI SDK through the whole foreman: in the queue, during the answer, and after the end.

import { getEventListeners } from 'node:events'
import { generateText, streamText } from 'ai'
import { describe, expect, it } from 'vitest'
import type { JobState } from '../../../src/ai-sdk/index.ts'
import { until } from '../../harness.ts'
import { all } from './answering.ts'
import { type Whole, whole } from './whole.ts'

const stateOf = async ({ foreman }: Whole, id: string): Promise<JobState> => (await foreman.client.get(id)).state

/** A busy foreman, so that further jobs wait. */
async function busy(): Promise<Whole & { readonly first: Promise<unknown> }> {
  const it = await whole()
  it.fake.hold('middle')
  // Other watchers are ignored.
  const first = generateText({ model: it.foreman('tiny-a', { onState: undefined }), prompt: 'first' })
  await it.fake.waiting('middle')
  return { ...it, first }
}

describe('an abort', () => {
  it.each(['generateText', 'streamText'] as const)('in the queue never reaches the target: %s', async (way) => {
    const here = await busy()
    const { foreman, fake, seen, first } = here
    const abort = new AbortController()
    const options = { model: foreman('tiny-a'), prompt: 'hi', abortSignal: abort.signal }
    const call =
      way === 'generateText'
        ? generateText(options).catch((error: unknown) => error)
        : all(streamText(options).fullStream).then((parts) => parts.at(-1))
    await until('it waits', () => seen.length > 0)
    const { jobId = '' } = seen[0] ?? {}
    abort.abort()
    expect(await call).toMatchObject(way === 'generateText' ? { name: 'AbortError' } : { type: 'abort' })
    await until('it is cancelled', async () => (await stateOf(here, jobId)) === 'cancelled')
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    fake.release('middle')
    await first
    expect(fake.workers).toHaveLength(1)
  })

  it.each(['generateText', 'streamText'] as const)('during the answer stops the target: %s', async (way) => {
    const here = await whole()
    const { foreman, fake, seen } = here
    fake.hold('middle')
    const abort = new AbortController()
    const options = { model: foreman('tiny-a'), prompt: 'hi', abortSignal: abort.signal }
    const call =
      way === 'generateText'
        ? generateText(options).catch((error: unknown) => error)
        : all(streamText(options).fullStream).then((parts) => parts.at(-1))
    await fake.waiting('middle')
    await until('it works', () => seen.some(({ state }) => state === 'working'))
    abort.abort()
    expect(await call).toMatchObject(way === 'generateText' ? { name: 'AbortError' } : { type: 'abort' })
    expect(await fake.workers[0]?.over).toBe('aborted')
    const { jobId = '' } = seen[0] ?? {}
    await until('it is cancelled', async () => (await stateOf(here, jobId)) === 'cancelled')
  })

  it('after the end does nothing', async () => {
    const here = await whole()
    const { foreman, seen } = here
    const abort = new AbortController()
    const { text } = await generateText({ model: foreman('tiny-a'), prompt: 'hi', abortSignal: abort.signal })
    abort.abort()
    expect(text).toBe('Hello world!')
    expect(await stateOf(here, seen[0]?.jobId ?? '')).toBe('done')
  })

  it('before the start submits nothing', async () => {
    const { foreman } = await whole()
    const call = generateText({ model: foreman('tiny-a'), prompt: 'hi', abortSignal: AbortSignal.abort() })
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect((await foreman.client.list()).jobs).toEqual([])
  })

  it('leaves the job running if so configured, and its answer can be read later', async () => {
    const { foreman, fake, seen } = await whole({ whenAborted: 'leave' })
    fake.hold('middle')
    const abort = new AbortController()
    const call = generateText({ model: foreman('tiny-a'), prompt: 'hi', abortSignal: abort.signal })
    await fake.waiting('middle')
    abort.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    fake.release('middle')
    const job = await foreman.client.job(seen[0]?.jobId ?? '').result()
    expect(job.result).toMatchObject({ message: { content: 'Hello world!' } })
  })
})
