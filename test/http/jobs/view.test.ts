// What `GET /jobs/{id}` promises: where a job stands, what became of it, and never its prompt.

import { describe, expect, it } from 'vitest'
import type { ErrorDocument } from '../../../src/protocol/wire.ts'
import { Caller, call, chat, get } from '../../caller.ts'
import { cut, FakeOllama, fails, says } from '../../fake-ollama.ts'
import { startForeman, until } from '../../harness.ts'
import { documentOf, inState, MESSAGES, submit, view } from './submission.ts'

const NOBODY = '01JD0000000000000000000000'

describe('the document of a job', () => {
  it('has answer, tokens and timings once it is done, and never the prompt', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', says('Hel', 'lo'))
    const { job_id } = await submit(url, { label: 'x', messages: [{ role: 'user', content: 'my secret' }] })
    const job = await inState(url, job_id, 'done')
    expect(job).toMatchObject({
      ...{ job_id, state: 'done', model: 'tiny-a', endpoint: '/api/chat', label: 'x', attempt: 1, max_attempts: 3 },
      ...{ position: null, error: null, retry_of: null, done_reason: 'stop', deliveries: [] },
      usage: { prompt_tokens: expect.any(Number), completion_tokens: 2, cached_prompt_tokens: null },
      timings: { queue_ms: expect.any(Number), load_ms: 1500, run_ms: expect.any(Number), eval_ms: 2 },
      result: { message: { role: 'assistant', content: 'Hello' }, done: true },
    })
    expect(job.artifacts.map(({ name, content_type }) => [name, content_type])).toEqual([
      ['completion', 'text/plain; charset=utf-8'],
      ['response', 'application/x-ndjson'],
    ])
    expect(job.artifacts[0]?.data).toBe('Hello')
    expect(job).not.toHaveProperty('eta_seconds')
    expect((await get(url, `/jobs/${job_id}`)).body).not.toContain('my secret')
  })

  it('has the numbers of the answer as the target wrote them', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const body =
      '{"model":"tiny-a","message":{"role":"assistant","content":"x"},"n":12345678901234567890,"f":1.0,"done":true}'
    fake.on('/api/chat', { body, status: 200, headers: [['Content-Type', 'application/json']] })
    const { job_id } = await submit(url, { stream: false })
    await inState(url, job_id, 'done')
    expect((await get(url, `/jobs/${job_id}`)).body).toContain(`"result":${body}`)
  })

  it('has the position in drain order while it waits', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const first = await submit(url)
    await inState(url, first.job_id, 'working')
    const other = await submit(url, { model: 'tiny-b' })
    const same = await submit(url, { model: 'tiny-a' })
    const after = await submit(url, { model: 'tiny-b' })
    const places = await Promise.all([same, other, after].map(async ({ job_id }) => (await view(url, job_id)).position))
    expect(places).toEqual([1, 2, 3])
    expect((await view(url, first.job_id)).position).toBeNull()
    expect(await view(url, same.job_id)).toMatchObject({
      state: 'queued',
      started_at: null,
      timings: { queue_ms: null },
    })
    fake.release('middle')
  })

  it('has the target’s error and status if it failed', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', fails(500, 'llama runner has terminated'))
    const { job_id } = await submit(url)
    const job = await inState(url, job_id, 'failed')
    expect(job.error).toEqual({ code: 'target_error', message: 'llama runner has terminated', status: 500 })
    expect(job).not.toHaveProperty('result')
  })

  it('has a URL instead of a value larger than 256 KiB', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { publicUrl: 'https://f.example/' } })
    const content = 'x'.repeat(300_000)
    const body = JSON.stringify({ model: 'tiny-a', message: { role: 'assistant', content }, done: true })
    fake.on('/api/chat', { status: 200, body, headers: [['Content-Type', 'application/json']] })
    const { job_id } = await submit(url, { stream: false })
    const job = await inState(url, job_id, 'done')
    const response = job.artifacts.find(({ name }) => name === 'response')
    expect(response?.url).toBe(`https://f.example/jobs/${job_id}/artifacts/response`)
    expect(response).not.toHaveProperty('data')
    expect([job.result_omitted, 'result' in job]).toEqual([true, false])
  })

  it('exists for a waiting call too', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { headers } = await chat(url).answer()
    const job = await view(url, String(headers['x-foreman-job-id']))
    expect(job).toMatchObject({
      state: 'done',
      artifacts: [],
      deliveries: [],
      usage: { completion_tokens: expect.any(Number) },
    })
    expect(job).not.toHaveProperty('result')
  })

  it.each([NOBODY, 'nonsense', NOBODY.toLowerCase(), '%1b%5b31m'])('is 404 for an unknown job (%s)', async (id) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    for (const path of [`/jobs/${id}`, `/jobs/${id}/events`, `/jobs/${id}/artifacts/completion`]) {
      const answer = await get(url, path)
      expect([answer.status, documentOf<ErrorDocument>(answer).code]).toEqual([404, 'job_not_found'])
      expect(answer.body).not.toContain('\u001b')
    }
  })

  it('has no body with HEAD', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    const answer = await call(url, { method: 'HEAD', path: `/jobs/${job_id}` })
    expect([answer.status, answer.body, Number(answer.headers['content-length']) > 100]).toEqual([200, '', true])
  })
})

describe('Prefer: wait on a job document', () => {
  it('holds the answer until the job ends', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    await inState(url, job_id, 'working')
    const waiting = new Caller(url, { method: 'GET', path: `/jobs/${job_id}`, headers: { Prefer: 'wait=30' } })
    await waiting.sent()
    expect((await get(url, '/status')).status).toBe(200)
    expect(waiting.hasHead).toBe(false)
    fake.release('middle')
    const answer = await waiting.answer()
    expect(answer.headers['preference-applied']).toBe('wait=30')
    expect(documentOf(answer)).toMatchObject({ state: 'done', result: { done: true } })
  })

  it('returns the current document after the given time', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    await inState(url, job_id, 'working')
    const waiting = new Caller(url, { method: 'GET', path: `/jobs/${job_id}`, headers: { Prefer: 'wait=1' } })
    await waiting.sent()
    await until('the second is over', () => {
      clock.advance(50)
      return waiting.hasHead
    })
    expect(documentOf(await waiting.answer())).toMatchObject({ state: 'working' })
    fake.release('middle')
  })
})

describe('a job after a lost connection', () => {
  it('waits again, with its attempt counted and the time of its first sending', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', cut('fin', 1))
    const { job_id } = await submit(url, { messages: MESSAGES })
    const job = await until('it was lost', async () => {
      const seen = await view(url, job_id)
      return seen.state === 'queued' && seen.attempt === 1 && seen
    })
    expect([job.started_at, job.timings.queue_ms, job.timings.run_ms]).toEqual([
      expect.any(String),
      expect.any(Number),
      null,
    ])
  })
})
