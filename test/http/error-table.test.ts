// Bytes of every error that foreman makes, on every surface where it can answer: the reason phrase, the form of the surface,
// the code, and exactly the right headers. Then Ollama's own errors.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode, type ErrorEntry } from '../../src/protocol/error.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { type Asked, ask, type Reply } from './asked-line.ts'
import type { Shape } from './error-places.ts'
import { ELSEWHERE, ROWS, type Row } from './error-table.ts'

const OPENAI_TYPES: Readonly<Record<number, string>> = { 400: 'invalid_request_error', 404: 'not_found_error' }
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  ...OPENAI_TYPES,
  401: 'authentication_error',
  403: 'permission_error',
  503: 'overloaded_error',
}

const UTF8 = 'application/json; charset=utf-8'

/** Content type where Ollama's own layer for /v1 would have refused the request: only there is the charset named. */
const BY_LAYER = [400, 415]

/** The document of an error in the form of `shape`, and its type. */
function formOf(shape: Shape, status: number, says: string, code: string | null) {
  const v1 = BY_LAYER.includes(status) ? UTF8 : 'application/json'
  switch (shape) {
    case 'native':
      return { type: UTF8, document: { error: says } }
    case 'jobs':
      return { type: 'application/json', document: { error: says, code } }
    case 'openai': {
      const type = OPENAI_TYPES[status] ?? 'api_error'
      return { type: v1, document: { error: { message: says, type, param: null, code: null } } }
    }
    case 'anthropic': {
      const error = { type: ANTHROPIC_TYPES[status] ?? 'api_error', message: says }
      return { type: v1, document: { type: 'error', error, request_id: expect.stringMatching(/^req_[0-9a-f]{24}$/) } }
    }
  }
}

const header = ({ headers }: Reply, name: string): string | null => headers.get(name) ?? null

function check(reply: Reply, { code, line, says, retryAfter, allow }: Row, shape: Shape): void {
  const status = Number(line.slice(0, 3))
  const { type, document } = formOf(shape, status, says, code)
  expect([reply.line, header(reply, 'x-foreman-error'), header(reply, 'content-type')]).toEqual([line, code, type])
  expect(JSON.parse(reply.body)).toEqual(document)
  const seconds = retryAfter ?? (status === 503 ? expect.stringMatching(/^[1-9]\d*$/) : null)
  expect(header(reply, 'retry-after')).toEqual(seconds)
  expect(header(reply, 'www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
  expect(header(reply, 'allow')).toBe(allow ?? null)
}

describe('the error table', () => {
  const answers = (Object.entries(ERRORS) as [ErrorCode, ErrorEntry][]).filter(([, { status }]) => status !== null)

  test('has every error that can answer a request, once, or names the test that covers it', () => {
    const codes = new Set(ROWS.map(({ code }) => code))
    expect([...codes, ...Object.keys(ELSEWHERE)].sort()).toEqual(answers.map(([code]) => code).sort())
  })

  test.each(Object.entries(ELSEWHERE))('names a test that covers %s', async (code, { test: file }) => {
    expect(await readFile(join(import.meta.dirname, '..', file), 'utf8')).toContain(`'${code}'`)
  })

  test.each(ROWS)('has the status of the code $code', ({ code, line }) => {
    expect(Number(line.slice(0, 3))).toBe(ERRORS[code].status)
  })
})

const cells = ROWS.flatMap((row) => row.places.map((place) => [row.code, place.path, { row, place }] as const))

test.for(cells)('%s on %s has the right status, message, form and headers', async ([, , { row, place }]) => {
  check(await row.provoke(place), row, row.shape ?? place.shape)
})

describe('an error from Ollama', () => {
  const PLAIN = 'text/plain'
  const say = { messages: [{ role: 'user', content: 'hi' }] }
  const missing = { native: '{"error":"model \'nope\' not found"}' }

  test.for<readonly [Asked, string, string, string | null]>([
    [{ method: 'GET', path: '/api/chat' }, '405 Method Not Allowed', '405 method not allowed', 'POST'],
    [{ method: 'DELETE', path: '/api/tags' }, '405 Method Not Allowed', '405 method not allowed', 'HEAD, GET'],
    [{ method: 'GET', path: '/v1/messages' }, '405 Method Not Allowed', '405 method not allowed', 'POST'],
    [{ method: 'GET', path: '/v1/chat/completions' }, '405 Method Not Allowed', '405 method not allowed', 'POST'],
    [{ path: '/api/nothing' }, '404 Not Found', '404 page not found', null],
    [{ path: '/v1/nothing' }, '404 Not Found', '404 page not found', null],
  ])('is for %j the plain text of its router, with Allow for a wrong method', async ([asked, line, body, allow]) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const reply = await (await ask(url, asked)).reply()
    expect([reply.line, reply.body, header(reply, 'content-type')]).toEqual([line, body, PLAIN])
    expect(header(reply, 'allow')).toBe(allow)
    expect([header(reply, 'x-foreman-error'), header(reply, 'retry-after')]).toEqual([null, null])
  })

  test.for<readonly [string, Shape]>([
    ['/api/chat', 'native'],
    ['/v1/chat/completions', 'openai'],
    ['/v1/messages', 'anthropic'],
  ])('for a model that is not installed, on %s, has no foreman code', async ([path, shape]) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    const reply = await (await ask(url, { path, body: { model: 'nope', max_tokens: 9, ...say } })).reply()
    const says = "model 'nope' not found"
    expect([reply.line, header(reply, 'x-foreman-error')]).toEqual(['404 Not Found', null])
    expect(shape === 'native' ? reply.body : JSON.parse(reply.body).error.message).toBe(
      shape === 'native' ? missing.native : says,
    )
  })

  test.for(
    ['/api/chat', '/v1/chat/completions', '/v1/messages', '/api/embed', '/v1/embeddings'].flatMap((path) =>
      ['400 Bad Request', '401 Unauthorized', '403 Forbidden', '404 Not Found', '429 Too Many Requests']
        .concat('500 Internal Server Error', '501 Not Implemented', '503 Service Unavailable')
        .map((line) => [line, path] as const),
    ),
  )('of %s from the target passes %s unchanged', async ([line, path]) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { heartbeatMs: 0 } })
    const body = '{"error":"said by the target"}'
    fake.always(path, { status: Number(line.slice(0, 3)), reason: line.slice(4), body })
    const model = path.includes('embed') ? 'tiny-embed' : 'tiny-a'
    const reply = await (await ask(url, { path, body: { model, max_tokens: 9, input: 'hi', ...say } })).reply()
    expect([reply.line, reply.body]).toEqual([line, body])
    const added = ['x-foreman-error', 'retry-after', 'www-authenticate', 'allow']
    expect(added.filter((name) => reply.headers.has(name))).toEqual([])
  })
})
