// Direct routes: the request to the target, and its answer: whole, slow, or missing.

import { describe, expect, test } from 'vitest'
import { until } from '../harness.ts'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { rawSocket } from './raw-socket.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

describe('a read that is passed through', () => {
  test.each([
    ['GET', '/api/status'],
    ['GET', '/api/experimental/aliases'],
    ['POST', '/v1/messages/count_tokens'],
    ['POST', '/api/me'],
    ['POST', '/api/experimental/web_search'],
  ])('of %s %s goes to the target unchanged, with its query', async (method, path) => {
    const target = await startSmallTarget(answersEmpty)
    const harness = await startHttpHarness(target)
    const body = method === 'POST' ? '{"a":1}' : ''
    const answer = await fetch(`${harness.url}${path}?x=%2F&y`, { method, ...(body === '' ? {} : { body }) })
    expect([answer.status, await answer.text()]).toEqual([200, '{}'])
    expect(target.seen.map((seen) => [seen.method, seen.url, seen.body.toString()])).toEqual([
      [method, `${path}?x=%2F&y`, body],
    ])
  })

  test("of count_tokens is the target's 404, unchanged", async () => {
    const target = await startSmallTarget(
      (_seen, res) => void res.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found'),
    )
    const harness = await startHttpHarness(target)
    const answer = await fetch(`${harness.url}/v1/messages/count_tokens`, { method: 'POST', body: '{}' })
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      404,
      'text/plain',
      '404 page not found',
    ])
  })

  test('is a 502 in the form of its API while the target is unreachable', async () => {
    const target = await startSmallTarget(answersEmpty)
    const harness = await startHttpHarness(target)
    harness.status = knownTarget(0, { reachable: false })
    const answer = await fetch(`${harness.url}/v1/messages/count_tokens`, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(502)
    expect(await answer.json()).toMatchObject({
      type: 'error',
      error: { type: 'api_error', message: 'the target does not answer' },
    })
  })

  test('is a 502 if the target does not speak HTTP', async () => {
    const target = await startSmallTarget((_seen, res) => void res.socket?.end('SSH-2.0-OpenSSH_9.9\r\n'))
    const harness = await startHttpHarness(target)
    const answer = await fetch(`${harness.url}/api/status`)
    expect([answer.status, answer.headers.get('x-foreman-error')]).toEqual([502, 'bad_answer'])
  })
})

describe('a streamed answer that is passed through', () => {
  test('arrives piece by piece', async () => {
    const target = await startSmallTarget((_seen, res) => {
      res.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
      res.write('{"status":"one"}\n')
      pieces.push((text) => void res.write(text))
      pieces.push(() => void res.end())
    })
    const pieces: ((text: string) => void)[] = []
    const harness = await startHttpHarness(target, { config: { allowManagement: true } })
    const answer = await fetch(`${harness.url}/api/pull`, { method: 'POST', body: '{"model":"x"}' })
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    const reader = answer.body?.getReader()
    // To the end of a line, in however many pieces it comes.
    const read = async (): Promise<string> => {
      const next = await reader?.read()
      const text = Buffer.from(next?.value ?? []).toString()
      return next?.done !== false || text.endsWith('\n') ? text : text + (await read())
    }
    expect(await read()).toBe('{"status":"one"}\n')
    pieces[0]?.('{"status":"two"}\n')
    expect(await read()).toBe('{"status":"two"}\n')
    pieces[1]?.('')
    expect((await reader?.read())?.done).toBe(true)
  })

  test('waits for a slow reader instead of filling the memory', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x')
    let written = 0
    let waits = false
    const target = await startSmallTarget((_seen, res) => {
      res.writeHead(200)
      const more = (): void => {
        waits = false
        while (written < 200_000_000 && !waits) {
          written += piece.length
          waits = !res.write(piece)
        }
        if (waits) res.once('drain', more)
        else res.end()
      }
      more()
    })
    const harness = await startHttpHarness(target)
    const line = await rawSocket(harness.port)
    line.socket.pause()
    line.send('GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n')
    // The stall timer is armed exactly when the reader's side is full.
    await until('the line is full', () => harness.clock.timers > 0)
    await until('the target waits too', () => waits)
    expect(written).toBeLessThan(50_000_000)
    line.socket.destroy()
  })

  test('is complete for a reader that pauses', async () => {
    const bytes = Buffer.alloc(20_000_000, 'y')
    const target = await startSmallTarget((_seen, res) => void res.end(bytes))
    const harness = await startHttpHarness(target)
    const answer = await fetch(`${harness.url}/api/status`)
    await until('the line is full', () => harness.clock.timers > 0)
    harness.clock.advance(30_000)
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    await until('nothing is watched any more', () => harness.clock.timers === 0)
  })

  test('is cut for the caller if it is cut at the target', async () => {
    const target = await startSmallTarget((_seen, res) => {
      res.writeHead(200)
      res.write('{"status":"pulling"}\n', () => res.destroy())
    })
    const harness = await startHttpHarness(target, { config: { allowManagement: true } })
    const line = await rawSocket(harness.port)
    line.send('POST /api/pull HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
    const answer = await line.rest()
    expect(answer).toMatch(/\{"status":"pulling"\}\n/)
    expect(answer).not.toMatch(/\r\n0\r\n\r\n$/)
  })

  test('ends at the target if its reader hangs up', async () => {
    let ended: Promise<unknown> = Promise.reject(new Error('never asked'))
    ended.catch(() => {})
    const target = await startSmallTarget((_seen, res) => {
      res.writeHead(200)
      res.write('x')
      ended = new Promise((resolve) => res.once('close', resolve))
    })
    const harness = await startHttpHarness(target)
    const leaving = new AbortController()
    const answer = await fetch(`${harness.url}/api/status`, { signal: leaving.signal })
    expect(answer.status).toBe(200)
    leaving.abort()
    await ended
    const metrics = await (await fetch(`${harness.url}/metrics`)).text()
    expect(metrics).toMatch(/^foreman_client_disconnects_total 1$/m)
  })

  test('keeps an empty body, its own reason phrase and repeated headers', async () => {
    const target = await startSmallTarget(
      (_seen, res) =>
        void res
          .writeHead(
            418,
            'I am',
            [
              ['X-A', '1'],
              ['X-A', '2'],
            ].flat(),
          )
          .end(),
    )
    const harness = await startHttpHarness(target)
    const line = await rawSocket(harness.port)
    line.send('GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const answer = await line.rest()
    expect(answer).toMatch(/^HTTP\/1\.1 418 I am\r\n/)
    expect(answer.match(/X-A: \d/g)).toEqual(['X-A: 1', 'X-A: 2'])
  })
})
