// The result of a streamed answer equals Ollama's unstreamed answer. Most answers were recorded from 0.17.4 by
// answers/record.ts. Where Ollama has no example, the streams of other servers are used.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AnswerBuffer } from '../../src/daemon/answer/answer-buffer.ts'
import { createCompletionDetector } from '../../src/daemon/answer/completion-detector.ts'
import type { JobOutput } from '../../src/daemon/domain/artifact.ts'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import { anyText } from '../any-text.ts'

interface Recorded {
  readonly endpoint: EndpointPath
  readonly streamed: { readonly contentType: string; readonly body: string }
  readonly unstreamed: { readonly contentType: string; readonly body: string }
}

const FOLDER = join(import.meta.dirname, 'answers')
const RECORDED = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name): [string, Recorded] => [name, JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))])

function remainsOf(endpoint: EndpointPath, streamed: boolean, body: string, isWhole = true): JobOutput {
  const keeper = new AnswerBuffer(endpoint, streamed, false)
  keeper.push(Buffer.from(body))
  return keeper.output('x/y', isWhole)
}

const textOf = (bytes: Uint8Array | null | undefined): string | null =>
  bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('utf8')

const completionIn = ({ artifacts }: JobOutput): string | null =>
  textOf(artifacts.find(({ name }) => name === 'completion')?.body)

/** Fields that differ between two equal answers: times, and the ids of answers and calls. */
const PASSING = /^(id|.*_duration|created|created_at|completed_at)$/

const lasting = (json: string | null): unknown =>
  JSON.parse(json ?? 'null', (key, value: unknown) => (PASSING.test(key) ? typeof value : value))

/**
 * Ollama's two forms differ here: for a response with thinking, 0.17.4 streams a null `summary` and omits it unstreamed
 * (openai/responses.go, lines 913 and 533). The result is the response in the last event, unchanged.
 */
const DIFFERS: Readonly<Record<string, object>> = {
  'responses-thinking.json': { reasoning: { effort: 'high', summary: null } },
}

const events = (...documents: readonly unknown[]): string =>
  documents
    .map((document) => `data: ${typeof document === 'string' ? document : JSON.stringify(document)}\n\n`)
    .join('')

test('the recordings contain answers of each kind', () => {
  expect(RECORDED.length).toBe(15)
})

describe.each(RECORDED)('%s', (name, { endpoint, streamed, unstreamed }) => {
  test('gives the same result streamed and unstreamed', () => {
    const { result, responseIsResult } = remainsOf(endpoint, true, streamed.body)
    expect(responseIsResult).toBe(false)
    expect(lasting(textOf(result))).toEqual({ ...(lasting(unstreamed.body) as object), ...DIFFERS[name] })
  })

  test('has the same completion streamed and unstreamed', () => {
    const completion = completionIn(remainsOf(endpoint, true, streamed.body))
    expect(completion).not.toBeNull()
    expect(completion).toBe(completionIn(remainsOf(endpoint, false, unstreamed.body)))
  })

  test('is its own result when unstreamed', () => {
    const { result, responseIsResult } = remainsOf(endpoint, false, unstreamed.body)
    expect([result, responseIsResult]).toEqual([null, true])
  })

  test('keeps the same output whatever the chunk boundaries', () => {
    const bytes = Buffer.from(streamed.body)
    const once = remainsOf(endpoint, true, streamed.body)
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const sorted = [0, ...cuts.sort((a, b) => a - b), bytes.length]
        const keeper = new AnswerBuffer(endpoint, true, false)
        for (const [index, to] of sorted.slice(1).entries()) {
          // The target's next chunk may be read into the same memory.
          const chunk = Buffer.from(bytes.subarray(sorted[index], to))
          keeper.push(chunk)
          chunk.fill(0x58)
        }
        expect(keeper.output('x/y', true)).toEqual(once)
      }),
      { numRuns: 30 },
    )
  })
})

test('the aggregated answer contains the recorded tool calls and thoughts', () => {
  const resultOf = (name: string): string | null => {
    const { endpoint, streamed } = new Map(RECORDED).get(name) as Recorded
    return textOf(remainsOf(endpoint, true, streamed.body).result)
  }
  expect(resultOf('chat-tools.json')).toMatch(/"tool_calls":\[\{.*"weather".*\},\{.*"weather"/)
  expect(resultOf('openai-chat-tools.json')).toMatch(/"finish_reason":"tool_calls"/)
  for (const name of ['chat', 'generate', 'anthropic']) {
    expect(resultOf(`${name}-thinking.json`)).toContain('"thinking":"come name her would "')
  }
})

test('numbers keep their spelling', () => {
  const { result } = remainsOf(
    '/api/chat',
    true,
    '{"message":{"content":"a","tool_calls":[{"function":{"name":"f","arguments":{"n":12345678901234567890,"m":1.0}}}]}}\n' +
      '{"message":{"role":"assistant","content":"b"},"total_duration":12345678901234567890,"new":[1.0,2e3],"done":true}\n',
  )
  expect(textOf(result)).toBe(
    '{"message":{"role":"assistant","content":"ab",' +
      '"tool_calls":[{"function":{"name":"f","arguments":{"n":12345678901234567890,"m":1.0}}}]},' +
      '"total_duration":12345678901234567890,"new":[1.0,2e3],"done":true}',
  )
})

test('numbers of OpenAI answers keep their spelling', () => {
  const body =
    'data: {"created":1.0,"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n' +
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"n":12345678901234567890}}\n\ndata: [DONE]\n\n'
  expect(textOf(remainsOf('/v1/chat/completions', true, body).result)).toBe(
    '{"created":1.0,"choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],' +
      '"object":"chat.completion","usage":{"n":12345678901234567890}}',
  )
})

test('fragments of tool calls are joined by index, for each choice', () => {
  const delta = (index: number, tool_calls: unknown[]) => ({
    choices: [{ index, delta: { content: null, tool_calls } }],
  })
  const call = (index: number, id: string | undefined, name: string | undefined, text: string) => ({
    ...{ index, ...(id === undefined ? {} : { id, type: 'function' }) },
    function: { ...(name === undefined ? {} : { name }), arguments: text },
  })
  const body = events(
    {
      id: 'c',
      object: 'chat.completion.chunk',
      choices: [{ index: 1, delta: { role: 'assistant', content: 'second' } }],
    },
    delta(0, [call(0, 'a', 'f', '{"x":'), call(1, 'b', 'g', '')]),
    delta(0, [call(1, undefined, undefined, '{}'), call(0, undefined, undefined, '1.0}')]),
    {
      choices: [
        { index: 0, delta: {}, finish_reason: 'tool_calls' },
        { index: 1, delta: {}, finish_reason: 'stop' },
      ],
    },
    '[DONE]',
  )
  const remains = remainsOf('/v1/chat/completions', true, body)
  expect(completionIn(remains)).toBe('')
  expect(JSON.parse(textOf(remains.result) ?? '')).toEqual({
    ...{ id: 'c', object: 'chat.completion' },
    choices: [
      {
        index: 0,
        message: {
          ...{ role: 'assistant', content: null },
          tool_calls: [
            { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1.0}' } },
            { index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
      { index: 1, message: { role: 'assistant', content: 'second' }, finish_reason: 'stop' },
    ],
  })
})

test('two tool calls that are both numbered 0 stay separate', () => {
  const call = (id: string) => ({ index: 0, id, type: 'function', function: { name: id, arguments: '{}' } })
  const chunk = (id: string) => ({ choices: [{ index: 0, delta: { content: '', tool_calls: [call(id)] } }] })
  const body = events(chunk('a'), chunk('b'), '[DONE]')
  const result = JSON.parse(textOf(remainsOf('/v1/chat/completions', true, body).result) ?? '')
  expect(result.choices[0].message.tool_calls).toEqual([call('a'), call('b')])
})

/** Written like middleware and anthropic.go of 0.17.4. It asks for no format, which would force a tiny model to call a tool. */
const anthropic = (partial: readonly string[]): string =>
  events(
    {
      type: 'message_start',
      message: { id: 'm', role: 'assistant', content: [], usage: { input_tokens: 2, cache: 7 } },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: 'a' } },
    { type: 'ping' },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'b' } },
    { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', id: 't', name: 'f', input: {} } },
    ...partial.map((partial_json) => ({
      ...{ type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json } },
    })),
    { type: 'content_block_start', index: 3, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'c' } },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { input_tokens: 9, output_tokens: 5 } },
    { type: 'message_stop' },
  )

test('message blocks are filled: text, thinking with its signature, tool input', () => {
  const remains = remainsOf('/v1/messages', true, anthropic(['{"n":', '12345678901234567890}']))
  expect(completionIn(remains)).toBe('abc')
  expect(textOf(remains.result)).toBe(
    '{"id":"m","role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},' +
      '{"type":"text","text":"ab"},{"type":"tool_use","id":"t","name":"f","input":{"n":12345678901234567890}},' +
      '{"type":"text","text":"c"}],"usage":{"input_tokens":9,"cache":7,"output_tokens":5},"stop_reason":"tool_use"}',
  )
})

test.each([[[]], [['{"n":']], [['{}', '{}']]])(
  'a tool whose input is not JSON (%j) keeps its initial input',
  (partial) => {
    const { result } = remainsOf('/v1/messages', true, anthropic(partial))
    expect(JSON.parse(textOf(result) ?? '').content[2].input).toEqual({})
  },
)

test('a response that ended early is the response of its last event', () => {
  const response =
    '{"status":"incomplete","output":[{"type":"reasoning"},{"type":"message","content":' +
    '[{"type":"output_text","text":"a"},{"type":"refusal","refusal":"no"},{"type":"output_text","text":"b"}]}],"n":1.0}'
  const body = `event: response.incomplete\ndata: {"type":"response.incomplete","response":${response}}\n\n`
  const remains = remainsOf('/v1/responses', true, body)
  expect([textOf(remains.result), completionIn(remains)]).toEqual([response, 'ab'])
})

test.each<[string, string]>([
  ['of a list of the words', '[1,2]'],
  ['of a word', '"done"'],
  ['that is no JSON', '{"message":'],
  ['with odd members', '{"message":"x","choices":{},"tool_calls":5}'],
  ['with odd parts', '{"message":{"content":5,"tool_calls":[null,5]},"choices":[null,5,{"delta":7,"index":"x"}]}'],
  ['nested deeper than Go can read', `{"message":{"tool_calls":[${'['.repeat(20_000)}${']'.repeat(20_000)}]}}`],
])('a record %s does not change the result', (_what, record) => {
  const said = '{"message":{"role":"assistant","content":"a"},"done":false}'
  const end = '{"message":{"role":"assistant","content":""},"done":true}'
  const native = remainsOf('/api/chat', true, `${said}\n${record}\n${end}\n`)
  expect(completionIn(native)).toBe('a')
  // A record that is not an object makes the answer bad: its job fails, and has no result.
  const detector = createCompletionDetector('/api/chat', true)
  detector.push(Buffer.from(`${said}\n${record}\n${end}\n`))
  if (detector.verdict().kind === 'bad') expect(native.result).toBeNull()
  else expect(JSON.parse(textOf(native.result) ?? '').message.content).toBe('a')
  for (const endpoint of ['/v1/chat/completions', '/v1/completions', '/v1/messages', '/v1/responses'] as const) {
    expect(completionIn(remainsOf(endpoint, true, events(record, '[DONE]')))).not.toBeNull()
  }
})

test('bytes after the terminal marker are only in the response', () => {
  const end = '{"response":"a","done":true}\n'
  const remains = remainsOf('/api/generate', true, `${end}{"response":"b","done":true}\n`)
  expect([completionIn(remains), textOf(remains.result)]).toEqual(['a', '{"response":"a","done":true}'])
})

test('a character split over two records is joined', () => {
  const half = (unit: string, done: boolean): string => `{"response":"\\u${unit}","done":${done}}\n`
  const padding = `{"response":"${'x'.repeat(16 * 1024 - 1)}","done":false}\n`
  const remains = remainsOf('/api/generate', true, padding + half('d83d', false) + half('de00', true))
  expect(completionIn(remains)?.slice(-3)).toBe('x😀')
  expect(JSON.parse(textOf(remains.result) ?? '').response.slice(-3)).toBe('x😀')
})

test('any text is kept, whatever it contains and however long it is', () => {
  const tokens = fc.array(fc.oneof(anyText(), fc.constant('ż"\\\n😀'.repeat(100_000))), {
    maxLength: 6,
  })
  fc.assert(
    fc.property(tokens, (pieces) => {
      const records = pieces.map((response) => `${JSON.stringify({ response, done: false })}\n`)
      const remains = remainsOf('/api/generate', true, `${records.join('')}{"response":"","done":true}\n`)
      expect(completionIn(remains) === pieces.join('')).toBe(true)
      expect(JSON.parse(textOf(remains.result) ?? '').response === pieces.join('')).toBe(true)
    }),
    { numRuns: 40 },
  )
})

test('every recorded answer is complete for the completion detector', () => {
  for (const [, { endpoint, streamed }] of RECORDED) {
    const marker = createCompletionDetector(endpoint, true)
    marker.push(Buffer.from(streamed.body))
    expect(marker.verdict()).toEqual({ kind: 'complete' })
  }
})
