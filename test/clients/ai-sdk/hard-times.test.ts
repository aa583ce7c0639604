// The provider with faults of network and daemon, from a scripted foreman: lost receipts, cut event streams, and answers that
// begin anew.

import { getEventListeners } from 'node:events'
import { APICallError, generateText, streamText } from 'ai'
import { describe, expect, it } from 'vitest'
import { createForeman, type JobProgress } from '../../../src/ai-sdk/index.ts'
import type { JobEvent } from '../../../src/client/index.ts'
import { eventNumber } from '../../../src/protocol/event.ts'
import {
  document,
  ID,
  json,
  receipt,
  type ScriptedForeman,
  scriptedForeman,
  stateEvent,
  until,
  wordEvent,
} from '../../client/scripted-foreman.ts'
import { all, textIn } from './answering.ts'

const DONE = { model: 'tiny-a', message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' }
const lastEvent = (change: number, record: number): JobEvent => ({
  number: eventNumber(change, record),
  type: 'record',
  data: DONE,
})
const ANSWER = [wordEvent(2, 1, 'hel'), wordEvent(2, 2, 'lo'), lastEvent(2, 3)]
const LIFE = [stateEvent(1, 'queued'), stateEvent(2, 'working', 'queued'), ...ANSWER, stateEvent(3, 'done', 'working')]
const RESULT = { ...DONE, message: { role: 'assistant', content: 'hello' } }
const CANCEL = `/jobs/${ID}/cancel`

/** A foreman whose job has ended: its events contain everything. */
async function finished(events: JobEvent[] = LIFE): Promise<ScriptedForeman> {
  const foreman = await scriptedForeman()
  foreman.history = events
  foreman.job = document('done', { result: RESULT })
  foreman.answers.set(`POST ${CANCEL}`, (_req, res) => json(res, 202, { job_id: ID, state: 'working' }))
  return foreman
}

const ask = (foreman: ScriptedForeman, settings = {}) => ({
  model: createForeman({ url: foreman.url })('tiny-a', settings),
  prompt: 'hi',
})

describe('a call', () => {
  it('leaves no socket and no listener behind', async () => {
    const foreman = await finished()
    const { signal } = new AbortController()
    const { text } = await generateText({ ...ask(foreman), abortSignal: signal })
    expect(text).toBe('hello')
    await all(streamText({ ...ask(foreman), abortSignal: signal }).fullStream)
    await until('the sockets are closed', () => foreman.sockets === 0)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('gets its answer if the connection to its events is cut', async () => {
    const foreman = await finished(LIFE.slice(0, 3))
    const result = streamText(ask(foreman))
    const parts = []
    for await (const part of result.fullStream) {
      parts.push(part)
      if (part.type !== 'text-delta' || foreman.history.length > 3) continue
      foreman.history = LIFE
      foreman.cut()
    }
    expect(textIn(parts)).toBe('hello')
    expect(parts.at(-1)).toMatchObject({ type: 'finish', finishReason: 'stop' })
  })

  it('gets its answer without events', async () => {
    const foreman = await finished()
    foreman.answers.set(`GET /jobs/${ID}/events`, (_req, res) => res.writeHead(502).end('<html>'))
    const model = createForeman({ url: foreman.url, unreachableMs: 1 })('tiny-a')
    expect((await generateText({ model, prompt: 'hi' })).text).toBe('hello')
    expect(textIn(await all(streamText({ model, prompt: 'hi' }).fullStream))).toBe('hello')
  })

  it('reads an answer too long for its document from the artifact', async () => {
    const foreman = await finished()
    foreman.answers.set(`GET /jobs/${ID}/events`, (_req, res) => res.writeHead(502).end('<html>'))
    foreman.job = document('done', { result_omitted: true })
    const lines = ANSWER.map((event) => `${JSON.stringify(event.type === 'record' ? event.data : null)}\n`)
    foreman.answers.set(`GET /jobs/${ID}/artifacts/response`, (_req, res) => res.end(lines.join('')))
    const model = createForeman({ url: foreman.url, unreachableMs: 1 })('tiny-a')
    expect((await generateText({ model, prompt: 'hi' })).text).toBe('hello')
  })
})

describe('a requeued job', () => {
  const BACK = [
    stateEvent(1, 'queued'),
    stateEvent(2, 'working', 'queued'),
    wordEvent(2, 1, 'void'),
    stateEvent(3, 'queued', 'working'),
    stateEvent(4, 'working', 'queued'),
    wordEvent(4, 1, 'hello'),
    lastEvent(4, 2),
    stateEvent(5, 'done', 'working'),
  ]

  it('returns one answer, that of its last attempt', async () => {
    const foreman = await finished(BACK)
    const { text, content } = await generateText(ask(foreman))
    expect({ text, parts: content.length }).toEqual({ text: 'hello', parts: 1 })
    expect(foreman.count('POST', CANCEL)).toBe(0)
  })

  it('ends a stream that has text with an error and is cancelled', async () => {
    const foreman = await finished(BACK)
    const parts = await all(streamText({ ...ask(foreman), onError: () => undefined }).fullStream)
    expect(textIn(parts)).toBe('void')
    const error = parts.find((part) => part.type === 'error')?.error
    expect(APICallError.isInstance(error) && { retryable: error.isRetryable, data: error.data }).toEqual({
      retryable: true,
      data: { jobId: ID, code: 'answer_voided' },
    })
    expect(parts.map(({ type }) => type)).not.toContain('text-end')
    expect(foreman.count('POST', CANCEL)).toBe(1)
    await until('the sockets are closed', () => foreman.sockets === 0)
  })

  it('is invisible to a stream without text', async () => {
    const foreman = await finished(BACK.filter(({ number }) => number !== eventNumber(2, 1)))
    const parts = await all(streamText(ask(foreman)).fullStream)
    expect(textIn(parts)).toBe('hello')
  })
})

describe('a submission', () => {
  it('with a lost receipt is repeated with the same key, so that it creates one job', async () => {
    const foreman = await finished()
    foreman.answers.set('POST /jobs', (req) => req.socket.destroy())
    // Time in which the client retries by itself; a later call is a retry of the SDK. Long enough for a slow answer.
    const model = createForeman({ url: foreman.url, timeoutMs: 2_000 })('tiny-a')
    const lost = generateText({ model, prompt: 'hi', maxRetries: 0 })
    await expect(lost).rejects.toSatisfy((error) => APICallError.isInstance(error) && error.isRetryable)
    foreman.answers.delete('POST /jobs')
    const keys = () =>
      foreman.asked.filter(({ path }) => path === '/jobs').map(({ headers }) => headers['idempotency-key'])
    const ofLost = new Set(keys())
    const before = keys().length
    await generateText({ model, prompt: 'hi' })
    const ofSecond = new Set(keys().slice(before))
    const between = keys().length
    await generateText({ model, prompt: 'hi' })
    expect(ofLost.size).toBe(1)
    expect(ofSecond).toEqual(ofLost)
    expect(ofLost).not.toContain(keys()[between])
  })

  it.each([
    { status: 400, code: 'bad_request', isRetryable: false },
    { status: 401, code: 'unauthorized', isRetryable: false },
    { status: 404, code: 'model_not_found', isRetryable: false },
    { status: 503, code: 'shutting_down', isRetryable: true, responseHeaders: { 'retry-after': '7' } },
  ])('that is answered with $status says whether and when to retry', async (row) => {
    const { status, code, isRetryable, responseHeaders } = row
    const foreman = await scriptedForeman()
    const headers = { 'x-foreman-error': code, ...responseHeaders }
    foreman.answers.set('POST /jobs', (_req, res) => json(res, status, { error: 'so it is', code }, headers))
    const model = createForeman({ url: foreman.url, timeoutMs: 2_000 })('tiny-a')
    const error = await generateText({ model, prompt: 'hi', maxRetries: 0 }).catch((reason: unknown) => reason)
    expect(APICallError.isInstance(error)).toBe(true)
    expect(error).toMatchObject({
      message: 'so it is',
      statusCode: status,
      isRetryable,
      responseHeaders,
      data: { code },
      url: `${foreman.url}/jobs`,
    })
  })

  it('that is aborted ends at once, and its job is cancelled', async () => {
    const foreman = await finished()
    const held = Promise.withResolvers<() => void>()
    foreman.answers.set('POST /jobs', (_req, res) => held.resolve(() => json(res, 202, receipt())))
    const abort = new AbortController()
    const call = generateText({ ...ask(foreman), abortSignal: abort.signal })
    const answer = await held.promise
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    answer()
    await until('it is cancelled', () => foreman.count('POST', CANCEL) === 1)
  })
})

describe('an abort', () => {
  it('does not wait for a foreman that no longer answers', async () => {
    const foreman = await finished(LIFE.slice(0, 2))
    foreman.answers.set(`POST ${CANCEL}`, () => undefined)
    const abort = new AbortController()
    const model = createForeman({ url: foreman.url, timeoutMs: 3_600_000 })('tiny-a')
    const call = generateText({ model, prompt: 'hi', abortSignal: abort.signal })
    await until('it follows the job', () => foreman.streams.size === 1)
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  })

  it.each(['cancel', 'leave'] as const)('treats the job as whenAborted says: %s', async (whenAborted) => {
    const foreman = await finished(LIFE.slice(0, 2))
    const abort = new AbortController()
    const call = generateText({
      ...ask(foreman, { whenAborted: 'cancel' }),
      abortSignal: abort.signal,
      providerOptions: { foreman: { whenAborted } },
    })
    await until('it follows the job', () => foreman.streams.size === 1)
    abort.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(foreman.count('POST', CANCEL)).toBe(whenAborted === 'cancel' ? 1 : 0)
    await until('the sockets are closed', () => foreman.sockets === 0)
  })
})

describe('a lost foreman', () => {
  it('that has the job gets no second submission', async () => {
    const foreman = await finished(LIFE.slice(0, 2))
    const model = createForeman({ url: foreman.url, unreachableMs: 1 })('tiny-a')
    const call = generateText({ model, prompt: 'hi' }).catch((reason: unknown) => reason)
    await until('it follows the job', () => foreman.streams.size === 1)
    await foreman.close()
    expect(await call).toMatchObject({ isRetryable: false, data: { code: 'unreachable', jobId: ID } })
  })
})

describe('a stream', () => {
  it('ends with the reason of an abort', async () => {
    const foreman = await finished(LIFE.slice(0, 3))
    const abort = new AbortController()
    const model = createForeman({ url: foreman.url })('tiny-a')
    const { stream } = await model.doStream({ prompt: [], abortSignal: abort.signal })
    const reader = stream.getReader()
    for (let type: string | undefined; type !== 'text-delta'; ) type = (await reader.read()).value?.type
    abort.abort(new Error('enough'))
    await expect(reader.read()).rejects.toThrow('enough')
    expect(foreman.count('POST', CANCEL)).toBe(1)
  })
})

describe('a stream that is not read to its end', () => {
  it('ends the job and its connection', async () => {
    const foreman = await finished(LIFE.slice(0, 3))
    const { stream } = await createForeman({ url: foreman.url })('tiny-a').doStream({ prompt: [] })
    const reader = stream.getReader()
    for (let type: string | undefined; type !== 'text-delta'; ) type = (await reader.read()).value?.type
    await reader.cancel()
    expect(foreman.count('POST', CANCEL)).toBe(1)
    await until('the sockets are closed', () => foreman.sockets === 0)
  })
})

describe('onState', () => {
  it('is called for each state, and for each position while the job waits', async () => {
    const foreman = await finished(LIFE.slice(0, 1))
    foreman.job = document('queued', { position: 3, eta_seconds: 40 })
    const seen: JobProgress[] = []
    const call = generateText(ask(foreman, { onState: (progress: JobProgress) => seen.push(progress) }))
    await until('it was looked up', () => seen.some(({ position }) => position === 3))
    foreman.job = document('done', { result: RESULT })
    await until('it listens', () => foreman.streams.size === 1)
    foreman.tell(...LIFE.slice(1))
    await call
    const common = { jobId: ID, model: 'tiny-a', etaSeconds: null, position: null }
    expect(seen.filter(({ state, attempt }) => state !== 'queued' || attempt === 1)).toEqual([
      { ...common, state: 'queued', attempt: 1, position: 0 },
      { ...common, state: 'queued', attempt: 1, position: 3, etaSeconds: 40 },
      { ...common, state: 'working', attempt: 1 },
      { ...common, state: 'done', attempt: 1 },
    ])
  })

  it('may throw without effect on the job', async () => {
    const foreman = await finished()
    const onState = (): never => {
      throw new Error('its own')
    }
    expect((await generateText(ask(foreman, { onState }))).text).toBe('hello')
  })
})
