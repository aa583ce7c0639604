// Verdict on an answer, for each dialect and each kind of ending. It does not depend on how the bytes are sliced.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CompletionDetector, createCompletionDetector } from '../../src/daemon/answer/completion-detector.ts'
import type { Verdict } from '../../src/daemon/domain/attempt.ts'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import { answerOf, loadAnswer } from '../fake-ollama/answers.ts'

const MIB = 1024 ** 2

function read(endpoint: EndpointPath, streamed: boolean, ...pieces: (string | Buffer)[]): CompletionDetector {
  const marker = createCompletionDetector(endpoint, streamed)
  for (const piece of pieces) marker.push(typeof piece === 'string' ? Buffer.from(piece) : piece)
  return marker
}

const verdictOf = (endpoint: EndpointPath, streamed: boolean, ...pieces: (string | Buffer)[]): Verdict['kind'] =>
  read(endpoint, streamed, ...pieces).verdict().kind

const SAID = { model: 'tiny-a', tokens: ['Grüße', ' "done":true ', '\n'], promptTokens: 11, loaded: true }
const CHATTY: readonly EndpointPath[] = [
  '/api/chat',
  '/api/generate',
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/messages',
  '/v1/responses',
]

describe.each(CHATTY)('%s', (endpoint) => {
  const streamed = answerOf(endpoint, SAID, true, true).records
  const whole = answerOf(endpoint, SAID, false, true).records.join('')

  test('is complete as Ollama streams it', () => {
    expect(verdictOf(endpoint, true, ...streamed)).toBe('complete')
  })

  test('is incomplete until its last record, wherever it is cut', () => {
    const bytes = Buffer.from(streamed.join(''))
    const lastRecord = bytes.length - Buffer.byteLength(streamed.at(-1) ?? '')
    for (let end = 0; end <= lastRecord; end++) {
      expect(verdictOf(endpoint, true, bytes.subarray(0, end))).toBe('incomplete')
    }
  })

  test('is never invalid for being cut inside its last record', () => {
    const bytes = Buffer.from(streamed.join(''))
    for (let end = bytes.length - 1000; end < bytes.length; end++) {
      expect(verdictOf(endpoint, true, bytes.subarray(0, Math.max(0, end)))).not.toMatch(/bad|error/)
    }
  })

  test('reports its cost', () => {
    for (const marker of [read(endpoint, true, ...streamed), read(endpoint, false, whole)]) {
      marker.verdict()
      const { promptTokens, completionTokens } = marker.measured()
      // Completions report usage only on request, and then in a separate record.
      const told = !(endpoint === '/v1/completions' && promptTokens === null)
      expect([promptTokens, completionTokens]).toEqual(told ? [11, 3] : [null, null])
    }
  })

  test('is complete unstreamed, and incomplete when cut', () => {
    expect(verdictOf(endpoint, false, whole)).toBe('complete')
    expect(verdictOf(endpoint, false, whole.slice(0, -3))).toBe('incomplete')
    expect(verdictOf(endpoint, false, '')).toBe('incomplete')
  })

  test('is an error if unstreamed with an error', () => {
    expect(read(endpoint, false, '{"error":"x"}').verdict()).toEqual({ kind: 'error', message: 'x' })
    expect(read(endpoint, false, '{"error":{"message":"y"}}').verdict()).toEqual({ kind: 'error', message: 'y' })
  })

  test('bytes that are not from Ollama are invalid', () => {
    for (const isStreamed of [true, false]) {
      expect(verdictOf(endpoint, isStreamed, '<html><body>hello</body></html>\n')).toBe('bad')
    }
    expect(verdictOf(endpoint, false, '[1]')).toBe('bad')
  })

  test('gives the same outcome and cost whatever the chunk boundaries', () => {
    const bytes = Buffer.from(streamed.join(''))
    const once = read(endpoint, true, bytes)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), fc.nat(bytes.length), (cuts, end) => {
        const sorted = [0, ...cuts.filter((cut) => cut < end).sort((a, b) => a - b), end]
        const pieces = sorted.slice(1).map((to, index) => bytes.subarray(sorted[index], to))
        const marker = read(endpoint, true, ...pieces)
        const uncut = read(endpoint, true, bytes.subarray(0, end))
        expect(marker.verdict()).toEqual(uncut.verdict())
        expect(marker.measured()).toEqual(uncut.measured())
        if (end === bytes.length) expect(marker.measured()).toEqual(once.measured())
      }),
    )
  })

  test('is complete in chunks of one byte', () => {
    const bytes = Buffer.from(streamed.join(''))
    expect(verdictOf(endpoint, true, ...Array.from(bytes, (byte) => Buffer.from([byte])))).toBe('complete')
  })

  test('is complete with CR LF, heartbeats and blank lines', () => {
    const beaten = streamed.map((record) => (endpoint.startsWith('/api/') ? `  ${record}\n` : `: beat\n\n${record}`))
    expect(verdictOf(endpoint, true, beaten.join('').replaceAll('\n', '\r\n'))).toBe('complete')
  })
})

const NATIVE = '{"model":"m","message":{"content":"x"},"done":false}\n'

test.each<[string, string, Verdict['kind']]>([
  ['the plain end', '{"done":true}\n', 'complete'],
  ['an end without its newline', '{"done":true}', 'complete'],
  ['an end with spaces', '{ "done" :\ttrue }\n', 'complete'],
  ['an end whose key is escaped', '{"\\u0064one":true}\n', 'complete'],
  ['an end of the last key of two', '{"done":false,"done":true}\n', 'complete'],
  ['a reason without `done` (ollama-vscode #61)', '{"done_reason":"stop"}\n', 'complete'],
  ['a rendered prompt (`_debug_render_only`)', '{"done":false,"_debug_info":{"rendered_template":"x"}}\n', 'complete'],
  ['an empty reason', '{"done_reason":""}\n', 'incomplete'],
  ['a reason, but not done', '{"done":false,"done_reason":"stop"}\n', 'incomplete'],
  ['done that is no boolean', '{"done":"true"}\n', 'incomplete'],
  ['done further inside', '{"message":{"done":true},"done":false}\n', 'incomplete'],
  ['done further inside alone', '{"message":{"tool_calls":[{"done":true}]}}\n', 'incomplete'],
  ['done in the text', '{"message":{"content":"\\"done\\":true"},"done":false}\n', 'incomplete'],
  ['unknown fields', '{"new":[{"x":1}],"done":true,"newer":null}\n', 'complete'],
  ['an error record', '{"error":"boom"}\n', 'error'],
  ['an error record without its newline', '{"error":"boom"}', 'error'],
  ['an error that is not done', '{"error":"boom","done":false}\n', 'error'],
  ['an error that says it is done', '{"error":"boom","done":true}\n', 'error'],
  ['an error whose key is escaped', '{"\\u0065rror":"boom","done":false}\n', 'error'],
  ['no error', '{"error":null,"done":false}\n', 'incomplete'],
  ['an error in the text', '{"message":{"content":"\\"error\\""},"done":false}\n', 'incomplete'],
  ['an error further inside', '{"message":{"error":"x"},"done":false}\n', 'incomplete'],
  ['a list', '[{"done":true}]\n', 'bad'],
  ['a word', 'true\n', 'bad'],
  ['no JSON', 'oops\n', 'bad'],
  ['broken JSON', '{"done":tru}\n', 'bad'],
  ['blank lines', '\n\r\n  \n', 'incomplete'],
  ['an end cut short', '{"done":true,"done_rea', 'incomplete'],
  ['things after the end', '{"done":true}\n{"error":"late"}\noops\n', 'complete'],
  ['an end after an error', '{"error":"boom"}\n{"done":true}\n', 'error'],
])('on the native API: %s', (_what, text, kind) => {
  expect(verdictOf('/api/chat', true, NATIVE, NATIVE, text)).toBe(kind)
  expect(verdictOf('/api/chat', true, NATIVE + NATIVE + text)).toBe(kind)
})

test('the text of an error record is kept', () => {
  const error = 'an error was encountered while running the model: unexpected EOF'
  expect(read('/api/chat', true, NATIVE, JSON.stringify({ error })).verdict()).toEqual({
    kind: 'error',
    message: error,
  })
})

/** As 0.34.4 writes them for a prompt of 33 tokens, 32 of which were cached. */
const CACHED: readonly (readonly [EndpointPath, streamed: boolean, answer: string])[] = [
  ['/api/chat', true, '{"done":true,"prompt_eval_count":33,"prompt_eval_cached_count":32,"eval_count":2}\n'],
  ['/api/generate', false, '{"done":true,"prompt_eval_count":33,"prompt_eval_cached_count":32,"eval_count":2}'],
  [
    '/v1/chat/completions',
    true,
    'data: {"choices":[],"usage":{"prompt_tokens":33,"prompt_tokens_details":{"cached_tokens":32},"completion_tokens":2}}\n\n',
  ],
  [
    '/v1/completions',
    false,
    '{"choices":[],"usage":{"prompt_tokens":33,"prompt_tokens_details":{"cached_tokens":32},"completion_tokens":2}}',
  ],
  [
    '/v1/responses',
    false,
    '{"usage":{"input_tokens":33,"input_tokens_details":{"cached_tokens":32},"output_tokens":2}}',
  ],
  ['/v1/messages', false, '{"usage":{"input_tokens":1,"cache_read_input_tokens":32,"output_tokens":2}}'],
  [
    '/v1/messages',
    true,
    'data: {"type":"message_start","message":{"usage":{"input_tokens":1,"cache_read_input_tokens":32,"output_tokens":0}}}\n\n' +
      'data: {"type":"message_delta","delta":{},"usage":{"output_tokens":2}}\n\ndata: {"type":"message_stop"}\n\n',
  ],
  [
    '/v1/messages',
    true,
    'data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":0}}}\n\n' +
      'data: {"type":"message_delta","delta":{},"usage":{"input_tokens":1,"cache_read_input_tokens":32,"output_tokens":2}}\n\n',
  ],
]

test.for(CACHED)(
  'the prompt tokens of %s (streamed: %s) include those of the cache',
  ([endpoint, streamed, answer]) => {
    const { promptTokens, cachedTokens, completionTokens } = read(endpoint, streamed, answer).measured()
    expect({ promptTokens, cachedTokens, completionTokens }).toEqual({
      ...{ promptTokens: 33, cachedTokens: 32, completionTokens: 2 },
    })
  },
)

test('the native cost is in milliseconds and tokens', () => {
  const marker = read('/api/chat', true, ...answerOf('/api/chat', SAID, true, false).records)
  expect(marker.measured()).toEqual({
    ...{ loadMs: 1500, evalMs: 2, promptTokens: 11, completionTokens: 3, cachedTokens: null, doneReason: 'stop' },
  })
})

test('a native load and unload are complete', () => {
  for (const reason of ['load', 'unload'] as const) {
    const marker = read('/api/generate', false, ...loadAnswer('m', '/api/generate', reason).records)
    expect(marker.verdict()).toEqual({ kind: 'complete' })
    expect(marker.measured().doneReason).toBe(reason)
  }
})

test('an unstreamed native answer that is not done is incomplete', () => {
  expect(verdictOf('/api/chat', false, '{"message":{"content":"x"},"done":false}')).toBe('incomplete')
})

const CHUNK = 'data: {"choices":[{"delta":{"content":"x"},"finish_reason":null}]}\n\n'

test.each<[string, EndpointPath, string, Verdict['kind']]>([
  ['[DONE]', '/v1/chat/completions', 'data: [DONE]\n\n', 'complete'],
  ['[DONE] without spaces or lines', '/v1/chat/completions', 'data:[DONE]', 'complete'],
  ['a finish reason alone', '/v1/chat/completions', 'data: {"choices":[{"finish_reason":"stop"}]}\n\n', 'incomplete'],
  [
    '[DONE] in the text',
    '/v1/chat/completions',
    'data: {"choices":[{"delta":{"content":"[DONE]"}}]}\n\n',
    'incomplete',
  ],
  ['an error document', '/v1/chat/completions', 'data: {"error":{"message":"boom"}}\n\n', 'error'],
  ['an error event', '/v1/chat/completions', 'event: error\ndata: {"message":"boom"}\n\n', 'error'],
  ['a bare line of error', '/v1/chat/completions', '{"error":"boom"}\n', 'error'],
  ['an error and then [DONE]', '/v1/completions', 'data: {"error":"boom"}\n\ndata: [DONE]\n\n', 'error'],
  ['data that is no JSON', '/v1/chat/completions', 'data: hello\n\n', 'bad'],
  ['data over several lines', '/v1/chat/completions', 'data: {"error":\ndata: {"message":"boom"}}\n\n', 'error'],
  ['the end of a transcript', '/v1/audio/transcriptions', 'data: {"type":"transcript.text.done"}\n\n', 'complete'],
  ['message_stop', '/v1/messages', 'event: message_stop\ndata: {"type":"message_stop"}\n\n', 'complete'],
  ['message_stop by name alone', '/v1/messages', 'event: message_stop\ndata: {}\n\n', 'complete'],
  ['message_stop by type alone', '/v1/messages', 'data: {"type":"message_stop"}\n\n', 'complete'],
  ['a message_stop cut short', '/v1/messages', 'event: message_stop\ndata: {"type":"mess', 'incomplete'],
  ['a name without data', '/v1/messages', 'event: message_stop\n', 'incomplete'],
  ['message_delta', '/v1/messages', 'event: message_delta\ndata: {"type":"message_delta"}\n\n', 'incomplete'],
  ['a ping', '/v1/messages', 'event: ping\ndata: {"type":"ping"}\n\n', 'incomplete'],
  ['an error', '/v1/messages', 'event: error\ndata: {"type":"error","error":{"message":"boom"}}\n\n', 'error'],
  ['response.completed', '/v1/responses', 'data: {"type":"response.completed","response":{}}\n\n', 'complete'],
  ['response.incomplete', '/v1/responses', 'data: {"type":"response.incomplete","response":{}}\n\n', 'complete'],
  ['response.completed by name', '/v1/responses', 'event: response.completed\ndata: {"response":{}}\n\n', 'complete'],
  [
    'response.failed',
    '/v1/responses',
    'data: {"type":"response.failed","response":{"error":{"message":"boom"}}}\n\n',
    'error',
  ],
  [
    'response.created with its null error',
    '/v1/responses',
    'data: {"type":"response.created","response":{"error":null}}\n\n',
    'incomplete',
  ],
  ['an error', '/v1/responses', 'event: error\ndata: {"type":"error","message":"boom"}\n\n', 'error'],
])('an answer of %s on %s', (_what, endpoint, text, kind) => {
  const before = endpoint === '/v1/chat/completions' ? CHUNK : ': beat\nid: 1\nretry: 5\n\n'
  const verdict = read(endpoint, true, before, text).verdict()
  expect(verdict.kind).toBe(kind)
  if (verdict.kind === 'error') expect(verdict.message).toBe('boom')
})

test('an unstreamed response that failed is an error', () => {
  const text = '{"object":"response","status":"failed","error":{"code":"x","message":"boom"}}'
  expect(read('/v1/responses', false, text).verdict()).toEqual({ kind: 'error', message: 'boom' })
})

test('an image or audio file is complete when its framing ends', () => {
  for (const endpoint of ['/v1/images/generations', '/v1/images/edits', '/v1/audio/transcriptions'] as const) {
    const marker = read(endpoint, false, Buffer.alloc(200_000, 1))
    expect(marker.verdict()).toEqual({ kind: 'complete' })
    expect(marker.verdict(true)).toEqual({ kind: 'incomplete' })
    expect(verdictOf(endpoint, false, '{"error":{"message":"no"}}')).toBe('error')
    expect(verdictOf(endpoint, false, '1\n00:00 --> 00:01\nhello\n')).toBe('complete')
  }
})

test('a record of 8 MiB is read; a longer one is invalid and not kept', () => {
  const record = (length: number) => `{"x":"${'x'.repeat(length - 22)}","done":true}\n`
  expect(verdictOf('/api/chat', true, record(8 * MIB - 100))).toBe('complete')
  expect(verdictOf('/api/chat', true, record(8 * MIB + 100))).toBe('bad')
  const endless = createCompletionDetector('/api/chat', true)
  const piece = Buffer.alloc(MIB, 'x')
  for (let i = 0; i < 1000; i++) endless.push(piece)
  expect(endless.verdict().kind).toBe('bad')
  const events = createCompletionDetector('/v1/chat/completions', true)
  for (let i = 0; i < 20; i++) events.push(Buffer.from(`data: ${'x'.repeat(MIB)}\n`))
  expect(events.verdict().kind).toBe('bad')
})

test('an event of very many lines costs only its bytes', () => {
  const marker = createCompletionDetector('/v1/chat/completions', true)
  marker.push(Buffer.from('data: {\n'))
  for (let i = 0; i < 1000; i++) marker.push(Buffer.from('data: \n'.repeat(500)))
  marker.push(Buffer.from('data: "error":"boom"}\n\n'))
  expect(marker.verdict()).toEqual({ kind: 'error', message: 'boom' })
})

test('an unstreamed answer of more than 64 MiB is invalid', () => {
  const marker = createCompletionDetector('/api/chat', false)
  const piece = Buffer.alloc(MIB, ' ')
  for (let i = 0; i < 65; i++) marker.push(piece)
  expect(marker.verdict().kind).toBe('bad')
})

test('text of the model is never taken for the terminal marker', () => {
  const words = fc.constantFrom(
    '"done":true',
    '"error"',
    '[DONE]',
    '\\u0064',
    '{"done":true}',
    '\n',
    'é',
    '"',
    '\\',
    'data: ',
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 8 }), fc.constantFrom(...CHATTY), (parts, endpoint) => {
      const said = { ...SAID, tokens: [parts.join('')] }
      const { records } = answerOf(endpoint, said, true, false)
      expect(verdictOf(endpoint, true, ...records.slice(0, -1))).toBe('incomplete')
      expect(verdictOf(endpoint, true, ...records)).toBe('complete')
    }),
  )
})

test('reading the outcome early does not change it', () => {
  for (const endpoint of CHATTY) {
    const bytes = Buffer.from(answerOf(endpoint, SAID, true, true).records.join(''))
    const marker = createCompletionDetector(endpoint, true)
    for (let at = 0; at < bytes.length; at += 7) {
      marker.push(bytes.subarray(at, at + 7))
      marker.verdict()
    }
    expect(marker.verdict().kind).toBe('complete')
  }
})
