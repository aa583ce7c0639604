// Answers with thinking and tool calls, which the fake does not model, and readers of streams for several tests of the
// provider. It asserts nothing.

import { type FakeOllama, raw, type Script } from '../../fake-ollama.ts'

const CREATED_AT = '2026-01-06T12:00:00.123456789Z'

const line = (message: object, more: object): string =>
  `${JSON.stringify({ model: 'tiny-a', created_at: CREATED_AT, message: { role: 'assistant', content: '', ...message }, done: false, ...more })}\n`

/** A streamed chat with these messages, one record each, and its end. */
export function answers(messages: readonly object[], end: object = {}): Script {
  const counts = { prompt_eval_count: 11, eval_count: messages.length, total_duration: 6_044_010 }
  const last = line({}, { done: true, done_reason: 'stop', ...counts, ...end })
  const body = messages.map((message) => line(message, {})).join('') + last
  const head = ['HTTP/1.1 200 OK', 'Content-Type: application/x-ndjson', `Content-Length: ${Buffer.byteLength(body)}`]
  return raw(`${[...head, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
}

/** The body of the `n`th chat that reached the target. */
export const chatBody = (fake: FakeOllama, n = 0): Readonly<Record<string, unknown>> =>
  fake.requests('/api/chat')[n]?.json ?? {}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const them: T[] = []
  for await (const one of stream) them.push(one)
  return them
}

/** The text of the parts of a stream. */
export const textIn = (parts: readonly { readonly type: string; readonly text?: string }[]): string =>
  parts.map((part) => (part.type === 'text-delta' ? (part.text ?? '') : '')).join('')
