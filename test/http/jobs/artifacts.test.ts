// What `GET /jobs/{id}/artifacts/{name}` promises: the bytes as they came, all or a range of them, and memory that stays flat.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { piecesOf, requestedRange } from '../../../src/daemon/http/jobs/artifact.ts'
import { SlowReader, writeSlowly } from '../../../src/daemon/http/slow-reader.ts'
import type { Store } from '../../../src/daemon/sqlite/store.ts'
import type { ErrorDocument } from '../../../src/protocol/wire.ts'
import { type Answer, Caller, call, get } from '../../caller.ts'
import { FakeOllama, fails, huge, says } from '../../fake-ollama.ts'
import { startForeman, until } from '../../harness.ts'
import { TestClock } from '../../test-clock.ts'
import { documentOf, inState, submit } from './submission.ts'

/** A job whose completion is `0123456789`, done. */
async function digits(fake: FakeOllama): Promise<{ url: string; path: string; id: string }> {
  const { url } = await startForeman(fake)
  fake.on('/api/chat', says('01234', '56789'))
  const { job_id: id } = await submit(url)
  await inState(url, id, 'done')
  return { url, path: `/jobs/${id}/artifacts/completion`, id }
}

const JS = [['Content-Type', 'text/html']] as const

describe('an artifact', () => {
  it('has its bytes with their type, and headers that keep browsers from running it', async () => {
    await using fake = await FakeOllama.start()
    const { url, path } = await digits(fake)
    const answer = await get(url, path)
    expect([answer.status, answer.body]).toEqual([200, '0123456789'])
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '10',
      etag: `"${createHash('sha256').update('0123456789').digest('hex')}"`,
      'accept-ranges': 'bytes',
      'content-disposition': 'inline',
      'x-content-type-options': 'nosniff',
      'content-security-policy': 'sandbox',
    })
  })

  it("has the target's answer unchanged, and its error with the type of the error", async () => {
    await using fake = await FakeOllama.start()
    const { url, id } = await digits(fake)
    const direct = await get(url, `/jobs/${id}/artifacts/response`)
    expect(direct.headers['content-type']).toBe('application/x-ndjson')
    expect(direct.body.trimEnd().split('\n')).toHaveLength(3)
    const body = '<script>alert(1)</script>'
    fake.on('/api/chat', { status: 500, body, headers: JS })
    const { job_id } = await submit(url)
    await inState(url, job_id, 'failed')
    const page = await get(url, `/jobs/${job_id}/artifacts/response`)
    expect([page.status, page.body, page.headers['content-type']]).toEqual([200, body, 'text/html'])
    expect(page.headers['content-security-policy']).toBe('sandbox')
  })

  it('is not sent again for its current ETag', async () => {
    await using fake = await FakeOllama.start()
    const { url, path } = await digits(fake)
    const { etag = '' } = (await get(url, path)).headers
    for (const tag of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
      const answer = await get(url, path, { 'If-None-Match': tag })
      expect([answer.status, answer.body, answer.headers.etag]).toEqual([304, '', etag])
    }
    expect((await get(url, path, { 'If-None-Match': '"x"' })).status).toBe(200)
  })

  it('is sent in ranges, which make up the whole', async () => {
    await using fake = await FakeOllama.start()
    const { url, path } = await digits(fake)
    const part = async (range: string): Promise<unknown[]> => {
      const { status, body, headers } = await get(url, path, { Range: range })
      return [status, body, headers['content-range']]
    }
    expect(await part('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10'])
    expect(await part('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await part('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await part('bytes=5-99999')).toEqual([206, '56789', 'bytes 5-9/10'])
    expect(await part('bytes=0-0,5-6')).toEqual([200, '0123456789', undefined])
  })

  it('rejects a range beyond its end and says how long it is', async () => {
    await using fake = await FakeOllama.start()
    const { url, path } = await digits(fake)
    const answer = await get(url, path, { Range: 'bytes=10-' })
    expect([answer.status, answer.headers['content-range']]).toEqual([416, 'bytes */10'])
    expect(documentOf<ErrorDocument>(answer).code).toBe('range_not_satisfiable')
  })

  it('is sent in part only if If-Range matches', async () => {
    await using fake = await FakeOllama.start()
    const { url, path } = await digits(fake)
    const { etag = '' } = (await get(url, path)).headers
    const status = async (tag: string) => (await get(url, path, { Range: 'bytes=1-', 'If-Range': tag })).status
    expect([await status(etag), await status('"x"'), await status(`W/${etag}`)]).toEqual([206, 200, 200])
  })

  it('answers HEAD with its length and ETag, without a range', async () => {
    await using fake = await FakeOllama.start()
    const { url, path } = await digits(fake)
    const answer = await call(url, { method: 'HEAD', path, headers: { Range: 'bytes=1-2' } })
    expect([answer.status, answer.body, answer.headers['content-length']]).toEqual([200, '', '10'])
  })

  it('that does not exist is 404 with its name', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', fails(500, 'no'))
    const { job_id } = await submit(url)
    await inState(url, job_id, 'failed')
    for (const name of ['completion', 'nonsense%0a']) {
      const answer = await get(url, `/jobs/${job_id}/artifacts/${name}`)
      expect([answer.status, documentOf<ErrorDocument>(answer).code]).toEqual([404, 'artifact_not_found'])
      expect(answer.body).toContain(decodeURIComponent(name).trim())
    }
  })
})

describe('a large artifact', () => {
  async function large(fake: FakeOllama): Promise<{ url: string; path: string; whole: Answer; clock: TestClock }> {
    const { url, clock } = await startForeman(fake)
    fake.on('/api/chat', huge(40_000_000))
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    const path = `/jobs/${job_id}/artifacts/response`
    return { url, path, whole: await get(url, path), clock }
  }

  /** Answers to GETs of artifacts that are over, whichever way. */
  const answered = ({ body }: Answer): number =>
    Number(/^foreman_http_requests_total\{route="\/jobs\/\{id\}\/artifacts\/\{name\}",.*\} (\d+)$/m.exec(body)?.[1])

  it('arrives whole, and in ranges that cross database pieces', async () => {
    await using fake = await FakeOllama.start()
    const { url, path, whole } = await large(fake)
    expect(whole.headers['content-length']).toBe(String(whole.body.length))
    expect(`"${createHash('sha256').update(whole.body).digest('hex')}"`).toBe(whole.headers.etag)
    const from = 1024 * 1024 - 3
    const to = 5 * 1024 * 1024 + 7
    const part = await get(url, path, { Range: `bytes=${from}-${to - 1}` })
    expect([part.status, part.body === whole.body.slice(from, to)]).toEqual([206, true])
  })

  it('waits for a slow reader and arrives whole', async () => {
    await using fake = await FakeOllama.start()
    const { url, path, whole } = await large(fake)
    const caller = new Caller(url, { method: 'GET', path })
    await caller.head()
    await caller.stopReading()
    for (let i = 0; i < 50; i++) await get(url, '/healthz')
    await caller.resume()
    const answer = await caller.answer()
    expect([answer.cut, answer.body === whole.body]).toEqual([false, true])
  })

  it('is cut if its reader takes nothing for FOREMAN_CLIENT_STALL', async () => {
    await using fake = await FakeOllama.start()
    const { url, path, whole, clock } = await large(fake)
    const caller = new Caller(url, { method: 'GET', path })
    await caller.head()
    await caller.stopReading()
    await until('the caller is disconnected', async () => {
      // Bytes that the kernel took since the last look count as read: then the caller has another minute.
      clock.advance(60_000)
      return answered(await get(url, '/metrics')) === 2
    })
    await caller.resume()
    const answer = await caller.answer()
    expect([answer.cut, answer.body.length < whole.body.length]).toEqual([true, true])
  })
})

describe('the pieces of an artifact', () => {
  it('are read only as fast as they are taken, so that memory stays flat', async () => {
    const bytes = 100 * 1024 * 1024
    let asked = 0
    const store = {
      artifact: (_id: string, _name: string, from: number, to: number) => {
        asked += to - from
        return Promise.resolve(new Uint8Array(to - from))
      },
    }
    const server = createServer(async (_req, res) => {
      const reader = new SlowReader(new TestClock(), res, 60_000)
      for await (const piece of piecesOf(store as unknown as Store, 'x', 'response', 0, bytes)) {
        if (!(await writeSlowly(res, piece, reader))) return
      }
      res.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close().closeAllConnections())
    const caller = new Caller(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      method: 'GET',
      path: '/',
    })
    await caller.head()
    await caller.stopReading()
    let calm = 0
    for (let before = -1; calm < 50; before = asked) {
      await new Promise(setImmediate)
      calm = asked === before ? calm + 1 : 0
    }
    // What two sockets hold.
    expect(asked).toBeLessThan(20 * 1024 * 1024)
    await caller.resume()
    const answer = await caller.answer()
    expect([answer.cut, answer.body.length]).toEqual([false, bytes])
  })

  it('that are deleted meanwhile cut the answer, and never end it cleanly', async () => {
    const store = {
      artifact: (_id: string, _name: string, from: number) =>
        Promise.resolve(from === 0 ? new Uint8Array(1024 * 1024) : null),
    }
    const read = async () => {
      for await (const _ of piecesOf(store as unknown as Store, 'x', 'response', 0, 3 * 1024 * 1024));
    }
    await expect(read()).rejects.toThrow('is gone')
  })
})

describe('a Range header', () => {
  const TAG = '"t"'
  const of = (range: string, bytes = 10) => requestedRange({ range }, true, bytes, TAG)
  const whole = { kind: 'whole' }
  const unsatisfiable = { kind: 'unsatisfiable' }
  it.each<[string, number, object]>([
    ['bytes=0-', 10, { kind: 'part', from: 0, to: 10 }],
    ['BYTES=0-9', 10, { kind: 'part', from: 0, to: 10 }],
    ['bytes=-99', 10, { kind: 'part', from: 0, to: 10 }],
    ['bytes=9-9', 10, { kind: 'part', from: 9, to: 10 }],
    ['bytes=0-99999999999999999999999999', 10, { kind: 'part', from: 0, to: 10 }],
    ['bytes=99999999999999999999999999-', 10, unsatisfiable],
    ['bytes=-0', 10, unsatisfiable],
    ['bytes=0-', 0, unsatisfiable],
    ['bytes=-1', 0, unsatisfiable],
    ['bytes=4-2', 10, whole],
    ['bytes=-', 10, whole],
    ['bytes=', 10, whole],
    ['bytes=a-b', 10, whole],
    ['bytes=0x1-', 10, whole],
    ['bytes=--1', 10, whole],
    ['lines=1-2', 10, whole],
    ['bytes=1-2,', 10, whole],
    ['', 10, whole],
  ])('%j for %i bytes is %j', (range, bytes, expected) => expect(of(range, bytes)).toEqual(expected))
})
