// The verdict on an answer is final: nothing that happens before its connection ends can change it.

import { describe, expect, it } from 'vitest'
import type { JobDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { Caller, call, chat, get, read } from '../caller.ts'
import { FakeOllama, raw, type Script } from '../fake-ollama.ts'
import { passTime, type Running, startForeman, until } from '../harness.ts'

/** Sends every record, including the last, and then keeps the connection open without sending. */
const STAYS_OPEN: Script = { ending: 'stall', after: 1_000 }
const JOB = { path: '/jobs', body: { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] } }

const counters = async ({ url }: Running) => (await read<StatusDocument>(url, '/status')).counters
const stateOf = async ({ url }: Running, id: string) => (await read<JobDocument>(url, `/jobs/${id}`)).state
const ended = (running: Running, state: string, count = 1) =>
  until(`${count} jobs are ${state}`, async () => (await counters(running)).jobs[state] === count)

async function submitted({ url }: Running): Promise<string> {
  return (JSON.parse((await call(url, JOB)).body) as { job_id: string }).job_id
}

describe('an answer with its last record received', () => {
  it('is done if the caller hangs up before the connection ends', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', STAYS_OPEN)
    const caller = chat(running.url)
    await caller.hears('"done":true')
    caller.hangUp()
    await until('the hang-up has arrived', async () => (await get(running.url, '/status')).status === 200)
    await passTime(running, fake, 5_000)
    await ended(running, 'done')
    expect((await get(running.url, '/metrics')).body).toMatch(/^foreman_client_disconnects_total 0$/m)
  })

  it.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }, 'data: [DONE]\n\n'],
    ['/v1/messages', { messages: [{ role: 'user', content: 'hi' }], max_tokens: 5 }, 'message_stop'],
    ['/v1/responses', { input: 'hi' }, 'response.completed'],
  ])('is done on %s if the caller hangs up at the last record', async (path, body, last) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on(path, STAYS_OPEN)
    const streamed = new Caller(running.url, { path, body: { model: 'tiny-a', stream: true, ...body } })
    await streamed.hears(last)
    streamed.hangUp()
    await passTime(running, fake, 5_000)
    await ended(running, 'done')
  })

  it('has 5 s to end; then the job is done and the next one is sent', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', STAYS_OPEN)
    const first = await submitted(running)
    const second = await submitted(running)
    const records = new Caller(running.url, { method: 'GET', path: `/jobs/${first}/events` })
    await records.hears('"done":true')
    await passTime(running, fake, 4_999)
    expect([await stateOf(running, first), fake.workers.length]).toEqual(['working', 1])
    await passTime(running, fake, 1)
    await until('both are done', async () => (await stateOf(running, second)) === 'done')
    expect(await stateOf(running, first)).toBe('done')
  })

  it('is passed on whole to a caller that waits for the end', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', STAYS_OPEN)
    const caller = chat(running.url)
    await caller.hears('"done":true')
    await passTime(running, fake, 5_000)
    expect((await caller.answer()).cut).toBe(false)
  })

  it('has 5 s of silence to end if it is a document', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const body = '{"model":"tiny-a","message":{"role":"assistant","content":"hi"},"done":true}'
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    fake.on('/api/chat', { raw: `${head}${body.length.toString(16)}\r\n${body}\r\n`, ending: 'stall' })
    const caller = chat(running.url, 'tiny-a', { stream: false })
    await fake.seen(1)
    await passTime(running, fake, 5_000)
    expect(await caller.answer()).toMatchObject({ status: 200, body, cut: false })
    await ended(running, 'done')
  })

  it('is done if it is cancelled before the connection ends', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', STAYS_OPEN)
    const caller = chat(running.url)
    await caller.hears('"done":true')
    const { headers } = await caller.head()
    await call(running.url, { path: `/jobs/${headers['x-foreman-job-id']}/cancel` })
    await passTime(running, fake, 5_000)
    await ended(running, 'done')
    expect((await caller.answer()).cut).toBe(false)
  })

  it('is done if foreman is stopped at once before the connection ends', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    fake.on('/api/chat', STAYS_OPEN)
    const caller = chat(running.url)
    await caller.hears('"done":true')
    void running.daemon.stop()
    void running.daemon.stop()
    expect((await caller.answer()).cut).toBe(false)
    await running.daemon.exited
    expect(running.logged.filter(({ state, runMs }) => state !== undefined && runMs !== undefined)).toMatchObject([
      { state: 'done' },
    ])
  })
})

describe('metadata in an answer', () => {
  it.each([
    ['a count beyond 2^53', '9007199254740993'],
    ['a count that is no integer of any size', '1e300'],
    ['a count too small for a number', '-1e-400'],
    ['a negative count', '-5'],
    ['a text', '"many"'],
  ])('never changes its outcome: %s', async (_what, count) => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const record = `{"message":{"content":"hi"},"done":true,"eval_count":${count},"prompt_eval_count":${count},"load_duration":${count}}\n`
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${record.length}\r\n\r\n`
    fake.on('/api/chat', raw(head + record))
    const id = await submitted(running)
    const document = await until('it is over', async () => {
      const seen = await read<JobDocument>(running.url, `/jobs/${id}`)
      return (seen.state === 'done' || seen.state === 'failed') && seen
    })
    expect(document.state).toBe('done')
    expect([null, 0, undefined]).toContain(document.usage?.completion_tokens ?? null)
  })

  it('never changes its outcome: an error nested ten thousand times', async () => {
    await using fake = await FakeOllama.start()
    const running = await startForeman(fake)
    const record = `{"error":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}\n`
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${record.length}\r\n\r\n`
    fake.on('/api/chat', raw(head + record))
    const id = await submitted(running)
    await ended(running, 'failed')
    expect((await read<JobDocument>(running.url, `/jobs/${id}`)).error).toMatchObject({ code: 'target_error' })
  })
})
