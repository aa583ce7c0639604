// Child process of answer-memory.test.ts: keeps one answer of 4 MiB; the parent limits its heap. argv: the case.

import { AnswerBuffer } from '../../src/daemon/answer/answer-buffer.ts'
import { createCompletionDetector } from '../../src/daemon/answer/completion-detector.ts'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'

const PIECE_BYTES = 64 * 1024
const PIECES = 64

const filled = (element: string): string =>
  Array(Math.floor(PIECE_BYTES / (element.length + 1)))
    .fill(element)
    .join(',')
const numbered = (element: (n: number) => string) => {
  let n = 0
  return (): string => Array.from({ length: 1024 }, () => element(n++)).join(',')
}
const line = (json: string): string => `${json}\n`
const event = (json: string): string => `data: ${json}\n\n`
const choice = (json: string): string => event(`{"choices":[${json}]}`)

const ones = filled('1')
const call = numbered((n) => `{"id":"${n}","function":{"name":"x","arguments":"${'x'.repeat(20)}"}}`)
const choices = numbered((n) => `{"index":${n},"delta":{"content":"${'x'.repeat(20)}"}}`)
const block = numbered((n) => `{"type":"content_block_start","index":${n},"content_block":{"type":"text","text":"x"}}`)

const CASES: Readonly<Record<string, readonly [EndpointPath, () => string]>> = {
  'native logprobs': ['/api/chat', () => line(`{"message":{"content":"x"},"logprobs":[${ones}]}`)],
  'openai logprobs': [
    '/v1/chat/completions',
    () => choice(`{"index":0,"delta":{"content":"x"},"logprobs":{"content":[${ones}]}}`),
  ],
  'native tool calls': ['/api/chat', () => line(`{"message":{"content":"x","tool_calls":[${ones}]}}`)],
  'openai tool calls': ['/v1/chat/completions', () => choice(`{"index":0,"delta":{"tool_calls":[${call()}]}}`)],
  'openai choices': ['/v1/chat/completions', () => choice(choices())],
  'anthropic blocks': [
    '/v1/messages',
    () =>
      block()
        .replaceAll('},{"type":"content_block_start"', '}\n{"type":"content_block_start"')
        .split('\n')
        .map(event)
        .join(''),
  ],
}

const [name = ''] = process.argv.slice(2)
if (name === 'document') {
  keepDocument()
  process.exit(0)
}
const found = CASES[name]
if (found === undefined) throw new Error(`unknown case ${name}`)
const [endpoint, piece] = found
const keeper = new AnswerBuffer(endpoint, true, false)
for (let n = 0; n < PIECES; n++) keeper.push(Buffer.from(piece()))
const { artifacts, result } = keeper.output('x/y', true)
process.stdout.write(
  JSON.stringify({ artifacts: artifacts.map((artifact) => artifact.name), hasResult: result !== null }),
)

/** One unstreamed document of 12 MiB, most of it empty objects. */
function keepDocument(): void {
  const objects = Buffer.from('{},'.repeat(PIECE_BYTES / 4))
  const pieces = [Buffer.from('{"message":{"content":"x"},"odd":['), ...Array<Buffer>(256).fill(objects)]
  const marker = createCompletionDetector('/api/chat', false)
  const document = new AnswerBuffer('/api/chat', false, false)
  for (const piece of [...pieces, Buffer.from('{}],"done":true,"done_reason":"stop","eval_count":7}')]) {
    marker.push(piece)
    document.push(piece)
  }
  const { artifacts } = document.output('x/y', true)
  const kept = artifacts.map((artifact) => artifact.name)
  process.stdout.write(JSON.stringify({ artifacts: kept, verdict: marker.verdict(), measured: marker.measured() }))
}
