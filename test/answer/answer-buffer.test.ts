// Tests of the answer buffer: which bytes it keeps, when, and where the records begin and end.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnswerBuffer } from '../../src/daemon/answer/answer-buffer.ts'
import { createRecordParser } from '../../src/daemon/answer/records.ts'
import type { JobOutput } from '../../src/daemon/domain/artifact.ts'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'

const MAX = 8 * 1024 ** 2

type Cut = [event: string | null, data: string]

function cut(endpoint: EndpointPath, streamed: boolean, ...pieces: (string | Buffer)[]): Cut[] {
  const records: Cut[] = []
  const cutter = createRecordParser(endpoint, streamed, ({ event, data }) =>
    records.push([event, data.toString('utf8')]),
  )
  for (const piece of pieces) {
    const chunk = Buffer.from(piece)
    cutter.push(chunk)
    chunk.fill(0x58)
  }
  cutter.end()
  cutter.end()
  return records
}

const dataOf = (records: readonly Cut[]): string[] => records.map(([, data]) => data)

test.each<[string, string, string[]]>([
  ['lines', '{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
  ['a last line without its end', '{"a":1}\n{"b"', ['{"a":1}', '{"b"']],
  ['CR LF', '{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']],
  ['beats, blank lines', '  {"a":1}\n\n \r\n\t\n {"b":2}\n  ', ['{"a":1}', '{"b":2}']],
  ['nothing', '', []],
  ['what is no JSON', 'oops\n', ['oops']],
])('records on the native API: %s', (_what, text, records) => {
  expect(dataOf(cut('/api/chat', true, text))).toEqual(records)
})

test.each<[string, string, Cut[]]>([
  ['events', 'data: 1\n\ndata:2\n\n', [[null, '1'], [null, '2']]],
  ['names', 'event: a\ndata: 1\n\ndata: 2\n\nevent:b \r\ndata: 3\r\n\r\n', [['a', '1'], [null, '2'], ['b', '3']]],
  ['CR LF', 'event: a\r\ndata: 1\r\n\r\ndata: 2\r\ndata: 3\r\n\r\n', [['a', '1'], [null, '2\n3']]],
  ['a name behind its data', 'data: 1\nevent: a\n\n', [['a', '1']]],
  ['several lines of data', 'data: {\ndata: "a":1\ndata: }\n\n', [[null, '{\n"a":1\n}']]],
  ['empty lines of data', 'data: a\ndata:\ndata: b\n\n', [[null, 'a\n\nb']]],
  ['comments, ids, retries', ': beat\n\nid: 7\nretry: 5\n: x\ndata: 1\n\n', [[null, '1']]],
  ['an event without data', 'event: a\n\ndata: 1\n\n', [[null, '1']]],
  ['a last event without its end', 'data: 1\n\nevent: z\ndata: 2', [[null, '1'], ['z', '2']]],
  ['the end of OpenAI', 'data: {}\n\ndata: [DONE]\n\n', [[null, '{}'], [null, '[DONE]']]],
  ['a bare line of JSON', 'data: 1\n\n{"error":"x"}\n', [[null, '1'], [null, '{"error":"x"}']]],
  ['an empty name', 'event:\ndata: 1\n\n', [[null, '1']]],
  ['nothing', '', []],
])('records on SSE: %s', (_what, text, records) => {
  expect(cut('/v1/messages', true, text)).toEqual(records)
}) // biome-ignore format: one line a case

test.each<[EndpointPath, string, string[]]>([
  ['/api/chat', '{"done":\ntrue}', ['{"done":\ntrue}']],
  ['/v1/chat/completions', ' {"a":1}\n', ['{"a":1}']],
  ['/v1/audio/transcriptions', 'hello\n\nyou', ['hello\n\nyou']],
  ['/api/generate', ' \n ', []],
])('an unstreamed answer of %s is one record', (endpoint, text, records) => {
  expect(dataOf(cut(endpoint, false, text))).toEqual(records)
})

describe.each<[EndpointPath, boolean]>([
  ['/api/chat', true],
  ['/v1/messages', true],
  ['/api/chat', false],
])('%s, streamed: %s', (endpoint, streamed) => {
  const piece = fc.constantFrom(
    ...[
      'data:',
      'data: ',
      'event: ',
      'event:e',
      ': beat',
      '{"a":"ż"}',
      '{',
      '[DONE]',
      ' ',
      '\n',
      '\n\n',
      '\r\n',
      '\r',
      'x',
      '😀',
    ],
  )

  test('gives the same records whatever the chunk boundaries', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(200), { maxLength: 20 }), (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(''))
        const sorted = [0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length]
        const slices = sorted.slice(1).map((to, index) => bytes.subarray(sorted[index], to))
        const once = cut(endpoint, streamed, bytes)
        expect(cut(endpoint, streamed, ...slices)).toEqual(once)
        expect(cut(endpoint, streamed, ...Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(once)
      }),
      { numRuns: 500 },
    )
  })
})

describe('skips a record that is too long and keeps the next ones', () => {
  const long = 'x'.repeat(MAX + 1)
  const slices = (text: string, size: number): string[] =>
    Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size))

  test.each<[string, EndpointPath, string, string[]]>([
    ['a line', '/api/chat', `1\n${long}\n2\n`, ['1', '2']],
    ['a last line', '/api/chat', `1\n${long}`, ['1']],
    ['the longest line that may be', '/api/chat', `1\n${long.slice(1)}\n2\n`, ['1', long.slice(1), '2']],
    ['a line of data', '/v1/messages', `data: 1\n\ndata: ${long}\n\ndata: 2\n\n`, ['1', '2']],
    [
      'data in many lines',
      '/v1/messages',
      `data: 1\n\n${`data: ${'x'.repeat(1023)}\n`.repeat(8193)}\ndata: 2\n\n`,
      ['1', '2'],
    ],
    ['a comment', '/v1/messages', `data: 1\n: ${long}\n\ndata: 2\n\n`, ['2']],
  ])('a document %s is one record', (_what, endpoint, text, records) => {
    for (const size of [text.length, 65_536, 1_000_003]) {
      expect(dataOf(cut(endpoint, true, ...slices(text, size))).map((data) => data.length)).toEqual(
        records.map((data) => data.length),
      )
    }
  })

  test('a whole document is one record', () => {
    expect(cut('/api/chat', false, long)).toEqual([])
    expect(cut('/api/chat', false, long.slice(1), 'x')).toEqual([])
    expect(cut('/api/chat', false, long.slice(1))).toHaveLength(1)
  })
})

interface Kept {
  readonly name: string
  readonly contentType: string
  readonly text: string
}

const keptIn = ({ artifacts }: JobOutput): Kept[] =>
  artifacts.map(({ name, contentType, body }) => ({ name, contentType, text: Buffer.from(body).toString('utf8') }))

function keep(endpoint: EndpointPath, streamed: boolean, body: string, isJson = false) {
  const keeper = new AnswerBuffer(endpoint, streamed, isJson)
  keeper.push(Buffer.from(body))
  return keeper
}

const ANSWER = '{"message":{"content":"a"},"done":false}\n{"message":{"content":"b"},"done":true}\n'

test("a complete answer keeps its bytes with the target's content type, and its text", () => {
  const remains: JobOutput = keep('/api/chat', true, ANSWER).output('application/x-ndjson', true)
  expect(keptIn(remains)).toEqual([
    { name: 'response', contentType: 'application/x-ndjson', text: ANSWER },
    { name: 'completion', contentType: 'text/plain; charset=utf-8', text: 'ab' },
  ])
})

test('an incomplete answer keeps its bytes but no completion and no result', () => {
  for (const streamed of [true, false]) {
    const remains: JobOutput = keep('/api/chat', streamed, ANSWER).output(null, false)
    expect(keptIn(remains)).toEqual([{ name: 'response', contentType: 'application/octet-stream', text: ANSWER }])
    expect([remains.result, remains.responseIsResult]).toEqual([null, false])
  }
})

test('an empty answer keeps nothing, except an empty completion if it is complete', () => {
  expect(new AnswerBuffer('/api/chat', true, false).output(null, false).artifacts).toEqual([])
  const remains: JobOutput = new AnswerBuffer('/v1/images/generations', false, false).output(null, true)
  expect(keptIn(remains).map(({ name, text }) => [name, text])).toEqual([['completion', '']])
  expect([remains.result, remains.responseIsResult]).toEqual([null, false])
})

test('the completion is JSON if a format was requested', () => {
  expect(keptIn(keep('/api/chat', true, ANSWER, true).output('x/y', true))[1]?.contentType).toBe('application/json')
})

test.each<[string, EndpointPath, string, string, boolean]>([
  [
    'only loads',
    '/api/chat',
    '{"message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}',
    '',
    true,
  ],
  [
    'only calls tools',
    '/v1/chat/completions',
    '{"choices":[{"message":{"content":null,"tool_calls":[{}]}}]}',
    '',
    true,
  ],
  ['is a text', '/v1/completions', '{"choices":[{"text":"a"},{"text":"b"}]}\n', 'a', true],
  ['is a transcription', '/v1/audio/transcriptions', '{"text":"heard"}', 'heard', true],
  ['is a transcription as plain text', '/v1/audio/transcriptions', 'heard\n', 'heard\n', false],
  ['is a picture', '/v1/images/generations', '{"data":[{"b64_json":"iVBORw0K"}]}', '', true],
])('a complete document that %s has its completion', (_what, endpoint, body, completion, isResult) => {
  const remains: JobOutput = keep(endpoint, false, body).output('x/y', true)
  expect(keptIn(remains)).toEqual([
    { name: 'response', contentType: 'x/y', text: body },
    { name: 'completion', contentType: 'text/plain; charset=utf-8', text: completion },
  ])
  expect([remains.result, remains.responseIsResult]).toEqual([null, isResult])
})

test('a document too long for a record has its completion and is its own result', () => {
  const said = 'x'.repeat(MAX)
  let records = 0
  const keeper = new AnswerBuffer('/api/generate', false, false, () => {
    records++
  })
  keeper.push(Buffer.from(`{"response":"${said}","done":true}`))
  const remains: JobOutput = keeper.output('x/y', true)
  expect([records, remains.responseIsResult]).toEqual([0, true])
  expect(remains.artifacts[1]?.body.length).toBe(MAX)
})

test('a document that answers a stream request is aggregated like a stream', () => {
  const document = '{"model":"m","message":{"role":"assistant","content":"a"},"done":true}'
  const remains: JobOutput = keep('/api/chat', true, document).output('application/json', true)
  expect(Buffer.from(remains.result ?? []).toString()).toBe(document)
})

test('records are reported as they arrive, the last one at the end', () => {
  let records = 0
  const keeper = new AnswerBuffer('/api/chat', true, false, () => {
    records++
  })
  keeper.push(Buffer.from('{}\n{'))
  expect(records).toBe(1)
  keeper.push(Buffer.from('}\n \n{"a"'))
  expect(records).toBe(2)
  keeper.output(null, false)
  keeper.output(null, false)
  expect(records).toBe(3)
})

test('the bytes so far can be read at any time as a copy', () => {
  const keeper = new AnswerBuffer('/api/chat', true, false)
  const pieces = [1, 65_535, 3, 200_000, 70_000].map((size, at) => Buffer.alloc(size, 0x61 + at))
  const early: Buffer[][] = []
  for (const piece of pieces) {
    const chunk = Buffer.from(piece)
    keeper.push(chunk)
    chunk.fill(0x58)
    early.push([...keeper.chunks])
  }
  for (const [at, chunks] of early.entries()) {
    expect(Buffer.concat(chunks).equals(Buffer.concat(pieces.slice(0, at + 1)))).toBe(true)
  }
})

test('the output can be transferred to another thread without copying other memory', () => {
  const { artifacts, result } = keep('/api/chat', true, ANSWER).output('x/y', true)
  for (const body of [...artifacts.map((artifact) => artifact.body), result]) {
    expect(body?.buffer.byteLength).toBe(body?.byteLength)
  }
})
