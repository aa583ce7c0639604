// Head of the target's answer on queued routes: which headers reach a caller, and which answers are refused before the 200.

import { describe, expect, it } from 'vitest'
import type { JobDocument } from '../../src/protocol/wire.ts'
import { call, chat, read } from '../caller.ts'
import { FakeOllama, huge, raw, type Script } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'

const JOB = { path: '/jobs', body: { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] } }

async function startPair() {
  const fake = await FakeOllama.start()
  return { fake, ...(await startForeman(fake)), [Symbol.asyncDispose]: () => fake.stop() }
}

const answerWith = (headers: string, body: string): Script =>
  raw(`HTTP/1.1 200 OK\r\n${headers}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)

const RECORD = '{"message":{"content":"hi"},"done":true}\n'
const OPEN_RECORD = '{"message":{"content":"hi"},"done":false}\n'

describe('a declared length', () => {
  it('is not passed to the caller of a stream, because an error record would otherwise count as missing bytes', async () => {
    await using pair = await startPair()
    const missing = 'HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 500\r\n\r\n'
    pair.fake.on('/api/chat', raw(missing + OPEN_RECORD))
    const answer = await chat(pair.url).answer()
    expect(answer.headers['content-length']).toBeUndefined()
    expect(answer.cut).toBe(true)
    expect(answer.body).toMatch(/\n\{"error":"[^"]+"\}\n$/)
  })

  it('does not hide a missing last record', async () => {
    await using pair = await startPair()
    pair.fake.on('/api/chat', answerWith('Content-Type: application/x-ndjson', OPEN_RECORD))
    const answer = await chat(pair.url).answer()
    expect(answer.cut).toBe(true)
    expect(answer.body).toMatch(/\n\{"error":"[^"]+"\}\n$/)
  })

  it('does not make an unfinished document of 9 MiB complete', async () => {
    await using pair = await startPair()
    const body = JSON.stringify({ message: { content: 'x'.repeat(9 * 1024 ** 2) }, done: false })
    pair.fake.on('/api/chat', answerWith('Content-Type: application/json', body))
    expect((await chat(pair.url, 'tiny-a', { stream: false }).answer()).cut).toBe(true)
  })

  it('does not change a complete document of 9 MiB', async () => {
    await using pair = await startPair()
    pair.fake.on('/api/chat', huge(9 * 1024 ** 2))
    const answer = await chat(pair.url).answer()
    expect([answer.cut, answer.headers['transfer-encoding']]).toEqual([false, 'chunked'])
    expect(answer.body.endsWith('\n')).toBe(true)
  })
})

describe('a 200 that does not come from Ollama', () => {
  it.each([
    ['a page', 'Content-Type: text/html', '<html>please log in</html>', 'its content type is "text/html"'],
    ['a page for an event stream', 'Content-Type: text/html; charset=utf-8', '<html>', 'text/html'],
    ['a body without a type', 'X-Nothing: 1', RECORD, 'it has no content type'],
    ['a compressed body', 'Content-Type: application/x-ndjson\r\nContent-Encoding: gzip', RECORD, '"gzip"'],
    ['a body compressed twice', 'Content-Type: application/json\r\nContent-Encoding: br, gzip', RECORD, '"br, gzip"'],
  ])('becomes a 502 that names it: %s', async (_what, headers, body, detail) => {
    await using pair = await startPair()
    pair.fake.always('/api/chat', answerWith(headers, body))
    for (const stream of [true, false]) {
      const answer = await chat(pair.url, 'tiny-a', { stream }).answer()
      expect([answer.status, answer.headers['x-foreman-error']]).toEqual([502, 'bad_answer'])
      expect(answer.body).toContain(JSON.stringify(detail).slice(1, -1))
    }
    const { job_id } = JSON.parse((await call(pair.url, JOB)).body) as { job_id: string }
    const job = await until('the job has failed', async () => {
      const seen = await read<JobDocument>(pair.url, `/jobs/${job_id}`)
      return seen.state === 'failed' && seen
    })
    expect(job.error).toMatchObject({ code: 'bad_answer', message: expect.stringContaining(detail) })
    expect(pair.fake.workers).toHaveLength(3)
  })

  it.each([
    ['two different lengths', 'Content-Length: 5\r\nContent-Length: 41'],
    ['the same length twice', 'Content-Length: 41\r\nContent-Length: 41'],
    ['a length beside chunks', 'Content-Length: 41\r\nTransfer-Encoding: chunked'],
    ['chunks beside a length', 'Transfer-Encoding: chunked\r\nContent-Length: 41'],
  ])('is not retried: %s', async (_what, lengths) => {
    await using pair = await startPair()
    const head = `HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n${lengths}\r\n\r\n`
    pair.fake.always('/api/chat', raw(head + RECORD))
    const answer = await chat(pair.url).answer()
    expect([answer.status, answer.headers['x-foreman-error']]).toEqual([502, 'bad_answer'])
    expect(pair.fake.workers).toHaveLength(1)
  })
})

describe('an answer with an unusual beginning', () => {
  it.each([
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['100 Continue twice, with headers', 'HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'],
    ['102 Processing', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ['103 Early Hints', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'],
  ])('is read after an interim response: %s', async (_what, interim) => {
    await using pair = await startPair()
    const whole = `${interim}HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${RECORD.length}\r\n\r\n${RECORD}`
    pair.fake.on('/api/chat', raw(whole), { raw: whole, slice: 1 })
    for (let turn = 0; turn < 2; turn++)
      expect(await chat(pair.url).answer()).toMatchObject({ status: 200, body: RECORD, cut: false })
    const embedded = `${interim}HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"embeddings":[]}`
    pair.fake.on('/api/embed', raw(embedded))
    const answer = await call(pair.url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'x' } })
    expect([answer.status, answer.body]).toEqual([200, '{"embeddings":[]}'])
  })

  it('keeps its first record after a byte order mark', async () => {
    await using pair = await startPair()
    const events =
      '\ufeffdata: {"choices":[{"delta":{"content":"one"}}]}\n\ndata: {"choices":[{"delta":{"content":"two"}}]}\n\ndata: [DONE]\n\n'
    pair.fake.always('/v1/chat/completions', answerWith('Content-Type: text/event-stream', events))
    const body = { endpoint: '/v1/chat/completions', stream: true, ...JOB.body }
    const receipt = await call(pair.url, { path: '/jobs', body, headers: { Prefer: 'wait=60' } })
    const job = JSON.parse(receipt.body) as JobDocument
    expect(job.state).toBe('done')
    expect(job.artifacts.find(({ name }) => name === 'completion')).toMatchObject({ data: 'onetwo' })
  })

  it('keeps a first JSON line after a byte order mark', async () => {
    await using pair = await startPair()
    pair.fake.always('/api/chat', answerWith('Content-Type: application/x-ndjson', `\ufeff${RECORD}`))
    expect(await chat(pair.url).answer()).toMatchObject({ status: 200, body: `\ufeff${RECORD}`, cut: false })
  })
})

describe('an error page of more than 64 KiB', () => {
  it('is not retried once the caller has bytes of it', async () => {
    await using pair = await startPair()
    const page = `<html>${'x'.repeat(100_000)}</html>`
    const head = `HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\n\r\n`
    pair.fake.always('/api/chat', raw(head + page))
    const answer = await chat(pair.url).answer()
    expect([answer.status, answer.body.length, answer.cut]).toEqual([502, page.length, false])
    expect(pair.fake.workers).toHaveLength(1)
  })
})
