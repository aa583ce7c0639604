// What `POST /jobs` promises: taken only once it is on disk, and sent byte for byte.

import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ErrorDocument, JobDocument, ReceiptDocument } from '../../../src/protocol/wire.ts'
import { Caller, chat, get } from '../../caller.ts'
import { FakeOllama, fails } from '../../fake-ollama.ts'
import { startForeman, temporaryFolder, until } from '../../harness.ts'
import { CHAT, documentOf, inState, list, post, probed, submit, view } from './submission.ts'

describe('a submission', () => {
  it('answers 202 with a receipt and a Location, and the job is done later', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('head')
    const answer = await post(url)
    expect(answer.status).toBe(202)
    const receipt = documentOf<ReceiptDocument>(answer)
    const self = `/jobs/${receipt.job_id}`
    expect(receipt).toEqual({
      job_id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
      state: expect.stringMatching(/^(queued|loading)$/),
      position: receipt.state === 'queued' ? 0 : null,
      urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
    })
    expect(answer.headers).toMatchObject({ location: self, 'x-foreman-job-id': receipt.job_id })
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    fake.release('head')
    await inState(url, receipt.job_id, 'done')
  })

  it('gives absolute URLs with FOREMAN_PUBLIC_URL', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { publicUrl: 'https://jobs.example.com/f' } })
    const answer = await post(url)
    const { job_id, urls } = documentOf<ReceiptDocument>(answer)
    expect(urls.self).toBe(`https://jobs.example.com/f/jobs/${job_id}`)
    expect(answer.headers.location).toBe(urls.self)
  })

  it("sends the body byte for byte, except for foreman's keys and a keep_alive", async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const body =
      '{ "label" : "x,}", "model":"tiny-a",\n"n":12345678901234567890 , "finish_before":"1h","m":1.0,"d":{"label":1},' +
      '"messages":[{"role":"user","content":"\\u00e4 é 😀 \\/"}]  ,"state_webhook_url":null , "start_before": "1h" }'
    const { job_id } = await submit(url, body)
    await inState(url, job_id, 'done')
    expect(fake.workers[0]?.body.toString()).toBe(
      '{"keep_alive":"30m",  "model":"tiny-a",\n"n":12345678901234567890 , "m":1.0,"d":{"label":1},' +
        '"messages":[{"role":"user","content":"\\u00e4 é 😀 \\/"}]   }',
    )
    expect(fake.workers[0]?.header('x-foreman-job-id')).toBe(job_id)
    expect(await view(url, job_id)).toMatchObject({ label: 'x,}', model: 'tiny-a' })
  })

  it.each([
    ['/api/generate', { prompt: 'x' }, true],
    ['/v1/chat/completions', {}, false],
    ['/v1/chat/completions', { stream: true }, true],
    ['/v1/responses', { input: 'x' }, false],
    ['/v1/messages', { max_tokens: 5 }, false],
  ])('goes to %s with %j if requested (streamed: %s)', async (endpoint, more, streamed) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { job_id } = await submit(url, { endpoint, ...more })
    expect(await inState(url, job_id, 'done')).toMatchObject({ endpoint })
    const [sent] = fake.workers
    expect(sent?.path).toBe(endpoint)
    expect(sent?.json).toEqual({
      ...CHAT,
      ...more,
      ...(endpoint.startsWith('/api/') ? { keep_alive: '30m' } : {}),
    })
    const response = await get(url, `/jobs/${job_id}/artifacts/response`)
    expect(/event-stream|ndjson/.test(response.headers['content-type'] ?? '')).toBe(streamed)
  })

  it('has as its position the number of jobs before it', async () => {
    await using fake = await FakeOllama.start({ slots: 1 })
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const { job_id: first } = await submit(url)
    await inState(url, first, 'working')
    expect((await submit(url, { model: 'tiny-b' })).position).toBe(1)
    expect((await submit(url, { model: 'tiny-c' })).position).toBe(2)
    // The resident model's turn comes first.
    expect((await submit(url)).position).toBe(1)
  })

  it('is kept if its caller hangs up after the last byte', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    for (let i = 0; i < 10; i++) {
      const caller = new Caller(url, { path: '/jobs', body: { ...CHAT, label: `n${i}` } })
      await caller.sent()
      caller.hangUp(i % 2 === 0 ? 'fin' : 'rst')
    }
    const { job_id } = await submit(url, { label: 'last' })
    await inState(url, job_id, 'done')
    // What was read whole is there and was done; what was reset before it was read is nowhere, not half.
    const { jobs } = await list(url)
    expect(jobs.filter(({ state }) => state !== 'done')).toEqual([])
    expect(fake.workers).toHaveLength(jobs.length)
  })

  it('that was read completely is kept if its caller left before it was saved', async () => {
    await using fake = await FakeOllama.start({ models: ['tiny-a:latest'] })
    const { url } = await startForeman(fake)
    // The probe for the unknown model holds the submit up.
    await probed(url)
    fake.models = ['tiny-a:latest', 'tiny-new:latest']
    fake.always('/api/tags', { gate: 'tags' }).hold('tags')
    const caller = new Caller(url, { path: '/jobs', body: { ...CHAT, model: 'tiny-new' } })
    await fake.waiting('tags')
    caller.hangUp()
    fake.plain('/api/tags').release('tags')
    await until('the job is done', async () => (await list(url)).jobs[0]?.state === 'done')
  })

  it('with an incomplete body creates no job', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { hostname, port } = new URL(url)
    const socket = new Socket().connect(Number(port), hostname)
    const head = 'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n'
    await new Promise<void>((resolve) => socket.write(`${head}{"model":"tiny-a"`, () => resolve()))
    socket.destroy()
    await post(url)
    expect((await list(url)).jobs).toHaveLength(1)
  })

  it('is accepted while the target sleeps', async () => {
    await using fake = await FakeOllama.start()
    await fake.down()
    const { url, clock } = await startForeman(fake)
    const { job_id, state, position } = await submit(url)
    expect([state, position]).toEqual(['queued', 0])
    await fake.up()
    await until('it is done', async () => {
      clock.advance(1_000)
      return (await view(url, job_id)).state === 'done'
    })
  })

  it('survives a restart of the daemon', async () => {
    await using fake = await FakeOllama.start()
    const db = join(await temporaryFolder(), 'foreman.db')
    const first = await startForeman(fake, { db })
    fake.hold('head')
    const { job_id } = await submit(first.url, { label: 'kept' })
    void first.daemon.stop()
    await first.daemon.stop()
    fake.release('head')
    const second = await startForeman(fake, { db })
    expect(await inState(second.url, job_id, 'done')).toMatchObject({ label: 'kept', attempt: 1 })
  })
})

describe('Prefer: wait on a submission', () => {
  it('returns 200 with the finished job', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const answer = await post(url, {}, { Prefer: 'wait=30' })
    expect(answer.status).toBe(200)
    const job = documentOf<JobDocument>(answer)
    expect(job).toMatchObject({ state: 'done', model: 'tiny-a' })
    expect(answer.headers).toMatchObject({ 'preference-applied': 'wait=30', location: `/jobs/${job.job_id}` })
  })

  it('returns 200 with a failed job too', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', fails(400, 'no'))
    const answer = await post(url, {}, { Prefer: 'wait=30' })
    expect(answer.status).toBe(200)
    expect(documentOf<JobDocument>(answer)).toMatchObject({
      state: 'failed',
      error: { code: 'target_error', status: 400 },
    })
  })

  it('returns the receipt after the given time, at most a minute, and the job continues', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock } = await startForeman(fake)
    fake.hold('middle')
    const caller = new Caller(url, { path: '/jobs', body: CHAT, headers: { Prefer: 'wait=3600' } })
    await fake.waiting('middle')
    await clock.advanceSoftly(59_400)
    expect(caller.hasHead).toBe(false)
    await clock.advanceSoftly(600)
    const answer = await caller.answer()
    expect(answer.status).toBe(202)
    expect(answer.headers['preference-applied']).toBe('wait=60')
    const { job_id, state } = documentOf<ReceiptDocument>(answer)
    expect(state).toBe('working')
    fake.release('middle')
    await inState(url, job_id, 'done')
  })

  it('does not cancel the job if the caller leaves', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.hold('middle')
    const caller = new Caller(url, { path: '/jobs', body: CHAT, headers: { Prefer: 'wait=30' } })
    await fake.waiting('middle')
    const [job] = (await list(url)).jobs
    caller.hangUp()
    fake.release('middle')
    await inState(url, job?.job_id ?? '', 'done')
  })

  it('returns at once if foreman stops', async () => {
    await using fake = await FakeOllama.start()
    const { url, clock, daemon } = await startForeman(fake)
    fake.hold('middle')
    const caller = new Caller(url, { path: '/jobs', body: CHAT, headers: { Prefer: 'wait=60' } })
    await fake.waiting('middle')
    const stopped = daemon.stop()
    await clock.advanceSoftly(500)
    expect((await caller.answer()).status).toBe(202)
    void daemon.stop()
    await clock.advanceSoftly(1_000)
    await stopped
  })
})

const REFUSED: readonly (readonly [object | string, number, ErrorDocument])[] = [
  ['', 400, { error: 'missing request body', code: 'bad_request' }],
  ['x', 400, { error: 'invalid JSON: unexpected "x" at position 0', code: 'bad_request' }],
  ['{}', 400, { error: 'model is required', code: 'bad_request' }],
  [{ model: 'nobody' }, 404, { error: "model 'nobody' not found", code: 'model_not_found' }],
  [{ endpoint: '/api/generate', model: '../x y' }, 404, { error: "model '../x y' not found", code: 'model_not_found' }],
  [
    '{"model":"tiny-a","Model":"tiny-b"}',
    400,
    { error: 'ambiguous key "Model": write "model", once', code: 'ambiguous_key' },
  ],
  [
    { label: '', start_before: 5 },
    400,
    {
      error:
        'label is empty: it must be a text of 1 to 200 characters, without control characters; start_before is 5: it must be a duration from 1s to 8760h, as a text such as "90s", "30m" or "8h"',
      code: 'bad_request',
    },
  ],
  ...(
    [
      ['webhook_url', 'state_webhook_url'],
      ['callback_url', 'state_webhook_url'],
      ['webhookUrl', 'state_webhook_url'],
      ['state_webhok_url', 'state_webhook_url'],
      ['labl', 'label'],
      ['labels', 'label'],
      ['endpont', 'endpoint'],
      ['webhook_event', 'webhook_events'],
      ['starts_before', 'start_before'],
      ['finished_before', 'finish_before'],
    ] as const
  ).map(
    ([key, expected]) =>
      [
        { [key]: 'x' },
        400,
        {
          error: `"${key}" is not a key of POST /jobs or of the target: did you mean "${expected}"?`,
          code: 'bad_request',
        },
      ] as const,
  ),
  [
    { state_webhook_url: 'ftp://x/' },
    400,
    {
      error: 'state_webhook_url has the scheme ftp: only http and https are allowed',
      code: 'webhook_refused',
    },
  ],
]

describe('a submission', () => {
  it('is refused with a message that names the problem, and leaves nothing behind', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    await probed(url)
    for (const [body, status, document] of REFUSED) {
      const answer = await post(url, body)
      expect([answer.status, documentOf<ErrorDocument>(answer)]).toEqual([status, document])
      expect(answer.headers['x-foreman-error']).toBe(document.code)
    }
    expect((await list(url)).jobs).toEqual([])
    expect(fake.workers).toEqual([])
  })

  it('is accepted with a key of the target, or a key that resembles none of foreman’s', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const { paths } = JSON.parse(readFileSync(new URL('./target-keys.json', import.meta.url), 'utf8')) as {
      paths: Record<string, string[]>
    }
    for (const [endpoint, keys] of Object.entries(paths)) {
      const others = Object.fromEntries([...keys, 'level', 'table', 'future_option', 'x'].map((key) => [key, null]))
      const answer = await post(url, { ...others, endpoint, model: 'tiny-a' })
      expect([endpoint, answer.body]).toEqual([endpoint, expect.not.stringContaining('did you mean')])
    }
  })

  it('is refused if its webhook goes to foreman itself or to its target', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    for (const state_webhook_url of [`${url}/jobs`, `${fake.url}/api/chat`, 'http://169.254.169.254/latest'])
      expect(documentOf<ErrorDocument>(await post(url, { state_webhook_url })).code).toBe('webhook_refused')
  })

  it('is refused if its webhook goes to the target by another address of this machine', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { webhookAllow: ['127.0.0.0/8', 'localhost', '0.0.0.0'] } })
    const { port } = new URL(fake.url)
    const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
    const hosts = ['127.0.0.2', '[::ffff:127.0.0.3]', '[::1]', '0.0.0.0', 'localhost', 'x.localhost', hostname()]
    for (const host of [...hosts, ...own.map((address) => (address.includes(':') ? `[${address}]` : address))]) {
      const { code } = documentOf<ErrorDocument>(
        await post(url, { state_webhook_url: `http://${host}:${port}/api/pull` }),
      )
      expect([host, code]).toEqual([host, 'webhook_refused'])
    }
  })

  it('to a full queue is refused with a time to retry, and waiting calls and jobs share the queue', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { maxQueue: 1 } })
    fake.hold('middle')
    await inState(url, (await submit(url)).job_id, 'working')
    await submit(url)
    const answer = await post(url)
    expect(answer.status).toBe(503)
    expect(documentOf<ErrorDocument>(answer).code).toBe('queue_full')
    expect(answer.headers['retry-after']).toMatch(/^\d+$/)
    expect((await chat(url).answer()).status).toBe(503)
  })

  it('with too large a body is 413', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { maxBody: 100 } })
    const answer = await post(url, { x: 'y'.repeat(100) })
    expect(answer.status).toBe(413)
    expect(documentOf<ErrorDocument>(answer).code).toBe('body_too_large')
  })

  it('without room on the disk is 503 and changes nothing', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { minFree: Number.MAX_SAFE_INTEGER } })
    const answer = await post(url)
    expect(answer.status).toBe(503)
    expect(documentOf<ErrorDocument>(answer).code).toBe('storage_full')
    expect(answer.headers['retry-after']).toBe('30')
  })

  it('while foreman stops is 503, as are cancel and delete; reads still work', async () => {
    await using fake = await FakeOllama.start()
    const { url, daemon, clock } = await startForeman(fake)
    fake.hold('middle')
    const { job_id } = await submit(url)
    await inState(url, job_id, 'working')
    const stopped = daemon.stop()
    for (const request of [
      { path: '/jobs', body: CHAT },
      { path: `/jobs/${job_id}/cancel` },
      { path: `/jobs/${job_id}/retry` },
      { path: `/jobs/${job_id}/deliveries/1/redeliver` },
      { method: 'DELETE', path: `/jobs/${job_id}` },
    ]) {
      const answer = await new Caller(url, request).answer()
      expect(answer.status).toBe(503)
      expect(documentOf<ErrorDocument>(answer).code).toBe('shutting_down')
      expect(answer.headers['retry-after']).toBe('5')
    }
    expect((await view(url, job_id)).state).toBe('working')
    fake.release('middle')
    await inStop(stopped, () => clock.advanceSoftly(1_000))
  })
})

/** Lets time go by until the daemon has stopped. */
async function inStop(stopped: Promise<void>, pass: () => Promise<void>): Promise<void> {
  let isOver = false
  void stopped.then(() => {
    isOver = true
  })
  await until('the daemon has stopped', async () => {
    await pass()
    return isOver
  })
}
