// Errors, last records and heartbeats equal those of Ollama, byte for byte.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AnswerForm, Dialect } from '../../src/daemon/domain/endpoint.ts'
import { isSince } from '../../src/daemon/domain/ollama-version.ts'
import { beat, errorBody, errorRecord, reasonPhrase, type Surface } from '../../src/daemon/http/error-body.ts'
import { ERRORS } from '../../src/protocol/error.ts'
import { anyText } from '../any-text.ts'

const JSON_UTF8 = 'application/json; charset=utf-8'

const openai = (type: string, message: string): string =>
  `{"error":{"message":"${message}","type":"${type}","param":null,"code":null}}`

test.each<[string, Surface, number, string, 'layer' | 'handler' | undefined, string, string]>([
  ['native', 'native', 404, '0.17.4', undefined, JSON_UTF8, '{"error":"no"}'],
  ['OpenAI, its layer', 'openai', 400, '0.17.4', undefined, JSON_UTF8, openai('invalid_request_error', 'no')],
  [
    'OpenAI, behind its layer',
    'openai',
    404,
    '0.17.4',
    undefined,
    'application/json',
    `${openai('api_error', 'no')}\n`,
  ],
  [
    'OpenAI, a 400 from behind',
    'openai',
    400,
    '0.17.4',
    'handler',
    'application/json',
    `${openai('api_error', 'no')}\n`,
  ],
  [
    'OpenAI since 0.18.0, behind',
    'openai',
    404,
    '0.18.0',
    undefined,
    'application/json',
    `${openai('not_found_error', 'no')}\n`,
  ],
  [
    'OpenAI since 0.18.0, a 400 from behind',
    'openai',
    400,
    '0.33.0-rc2',
    'handler',
    'application/json',
    `${openai('invalid_request_error', 'no')}\n`,
  ],
  ['OpenAI, a 503', 'openai', 503, '0.33.0', undefined, 'application/json', `${openai('api_error', 'no')}\n`],
  [
    'responses are as OpenAI',
    'responses',
    404,
    '0.17.4',
    undefined,
    'application/json',
    `${openai('api_error', 'no')}\n`,
  ],
])('an error from Ollama keeps its form: %s', (_what, surface, status, version, speaker, contentType, body) => {
  expect(errorBody(surface, status, 'no', null, version, speaker)).toEqual({ contentType, body })
})

test("foreman's own errors keep their type in any Ollama version", () => {
  expect(errorBody('openai', 404, 'no', 'target_error', '0.17.4').body).toContain('"type":"not_found_error"')
})

test.each([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'api_error'],
  [429, 'rate_limit_error'],
  [502, 'api_error'],
  [503, 'overloaded_error'],
])('the Anthropic type of %i is %s', (status, type) => {
  const { body } = errorBody('anthropic', status, 'no', null, '0.17.4')
  expect(body).toMatch(
    new RegExp(`^{"type":"error","error":{"type":"${type}","message":"no"},"request_id":"req_[0-9a-f]{24}"}\\n?$`),
  )
})

test('a request_id is never repeated', () => {
  const ids = new Set(Array.from({ length: 100 }, () => errorBody('anthropic', 404, 'no', null, '0.17.4').body))
  expect(ids.size).toBe(100)
})

test.each([
  ['ambiguous_key', 400, 'ambiguous_key'],
  [null, 400, 'bad_request'],
  [null, 404, 'target_error'],
] as const)('an async job always has an error code: %s %i', (code, status, told) => {
  expect(errorBody('jobs', status, 'no', code, '0.17.4')).toEqual({
    contentType: 'application/json',
    body: `{"error":"no","code":"${told}"}`,
  })
})

test("the error of a full queue has Ollama's text, with its two spaces", () => {
  const { status, message } = ERRORS.queue_full
  expect(status).toBe(503)
  expect(errorBody('native', status, message, 'queue_full', '0.17.4').body).toBe(
    '{"error":"server busy, please try again.  maximum pending requests exceeded"}',
  )
})

test('texts are escaped as Go escapes them', () => {
  const { body } = errorBody('native', 400, `<a href='x'>&\u2028\u2029\u0001\b\f\t"\\/\u007fé😀\ud800`, null, '0.17.4')
  expect(body).toBe(`{"error":"\\u003ca href='x'\\u003e\\u0026\\u2028\\u2029\\u0001\\b\\f\\t\\"\\\\/\u007fé😀\ufffd"}`)
})

const record = (dialect: Dialect, form: AnswerForm): string =>
  errorRecord(dialect, form, 502, 'gone\n\ndata: x', 'stream_broken').toString()

test('the last record of a stream has the form of its API', () => {
  const error = '{"message":"gone\\n\\ndata: x","type":"api_error","param":null,"code":null}'
  expect(record('native', 'ndjson')).toBe('{"error":"gone\\n\\ndata: x"}\n')
  expect(record('openai', 'sse')).toBe(`data: {"error":${error}}\n\n`)
  expect(record('anthropic', 'sse')).toBe(
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"gone\\n\\ndata: x"}}\n\n',
  )
  expect(record('responses', 'sse')).toBe(
    'event: response.failed\ndata: {"type":"response.failed","response":{"object":"response","status":"failed",' +
      `"error":{"code":"stream_broken","message":"gone\\n\\ndata: x"}},"error":${error}}\n\n`,
  )
})

test.each<Dialect>(['native', 'openai', 'anthropic', 'responses'])(
  'an unstreamed answer of %s gets no error record, because clients would take it for the answer',
  (dialect) => expect(record(dialect, 'json')).toBe(''),
)

test('a heartbeat is a space before JSON, and a comment or a ping in event streams', () => {
  for (const form of ['json', 'ndjson'] as const) {
    for (const dialect of ['native', 'openai', 'anthropic', 'responses'] as const) {
      expect(beat(dialect, form).toString()).toBe(' ')
    }
  }
  expect(beat('openai', 'sse').toString()).toMatch(/^: [^\n]+\n\n$/)
  expect(beat('responses', 'sse').toString()).toMatch(/^: [^\n]+\n\n$/)
  expect(beat('anthropic', 'sse').toString()).toBe('event: ping\ndata: {"type":"ping"}\n\n')
})

test('an error is valid JSON and one record, whatever its text', () => {
  fc.assert(
    fc.property(anyText(), (message) => {
      const expected = message.toWellFormed()
      expect(JSON.parse(errorBody('native', 500, message, null, '0.17.4').body)).toEqual({ error: expected })
      expect(JSON.parse(errorBody('openai', 500, message, null, '0.17.4').body).error.message).toBe(expected)
      const line = errorRecord('native', 'ndjson', 500, message, null).toString()
      expect(line.indexOf('\n')).toBe(line.length - 1)
      const sse = errorRecord('openai', 'sse', 500, message, null).toString()
      expect(sse.indexOf('\n')).toBe(sse.length - 2)
    }),
  )
})

test('every status has an ASCII reason phrase', () => {
  expect(reasonPhrase(404)).toBe('Not Found')
  expect(reasonPhrase(503)).toBe('Service Unavailable')
  for (let status = 100; status < 600; status++) expect(reasonPhrase(status)).toMatch(/^[A-Za-z '-]+$/)
})

test.each([
  ['0.17.4', '0.17.8', false],
  ['0.17.8', '0.17.8', true],
  ['0.17.10', '0.17.8', true],
  ['0.18.0-rc1', '0.17.8', true],
  ['1.0.0', '0.18.0', true],
  ['0.9.9', '0.18.0', false],
  ['0.0.0', '0.17.8', false],
  ['', '0.17.4', true],
  ['banana', '0.18.0', false],
])('the form of %j has changed in %s: %s', (version, least, since) => expect(isSince(version, least)).toBe(since))
