// An answer that breaks in the middle ends with an error on each surface of /v1, even where Ollama sends none. The endings
// are those of a real Ollama 0.17.4 whose runner was killed, or which stopped a model that repeats itself.

import { describe, expect, it } from 'vitest'
import type { JobListDocument } from '../../src/protocol/wire.ts'
import { Caller, read } from '../caller.ts'
import { FakeOllama, raw, type Script } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'

const say = { messages: [{ role: 'user', content: 'x' }] }
const json = (value: object): string => JSON.stringify(value)

interface Surface {
  readonly path: string
  readonly body: object
  /** The records before the break. */
  readonly begun: string
  /** What Ollama writes instead of the error. It writes nothing on two of the surfaces. */
  readonly swallowed: string
  /** Returns the message from the last event, where clients of this surface look for it. */
  readonly message: (last: string) => unknown
}

const chunk = (object: string, model: string, choice: object): string =>
  `data: ${json({ id: 'x-1', object, created: 1, model, system_fingerprint: 'fp_ollama', choices: [choice] })}\n\n`
const delta = (content: string, model: string): string =>
  chunk('chat.completion.chunk', model, { index: 0, delta: { role: 'assistant', content }, finish_reason: null })
const text = (said: string, model: string): string =>
  chunk('text_completion', model, { text: said, index: 0, finish_reason: null })
const event = (type: string, rest: object): string => `event: ${type}\ndata: ${json({ type, ...rest })}\n\n`
const dataOf = (last: string) => JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? 'null')

const SURFACES: readonly Surface[] = [
  {
    path: '/v1/chat/completions',
    body: { model: 'tiny-a', ...say },
    begun: delta('Why', 'tiny-a'),
    swallowed: delta('', ''),
    message: (last) => dataOf(last).error.message,
  },
  {
    path: '/v1/completions',
    body: { model: 'tiny-a', prompt: 'x' },
    begun: text('Why', 'tiny-a'),
    swallowed: text('', ''),
    message: (last) => dataOf(last).error.message,
  },
  {
    path: '/v1/messages',
    body: { model: 'tiny-a', max_tokens: 5, ...say },
    begun:
      event('message_start', { message: { id: 'msg_1', usage: { input_tokens: 1, output_tokens: 0 } } }) +
      event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Why' } }),
    swallowed: '',
    message: (last) => (last.startsWith('event: error\n') ? dataOf(last).error.message : null),
  },
  {
    path: '/v1/responses',
    body: { model: 'tiny-a', input: 'x' },
    begun: event('response.output_text.delta', { delta: 'Why', item_id: 'msg_1', sequence_number: 4 }),
    swallowed: '',
    // Codex reads the first, OpenAI's SDKs the second.
    message: (last) => {
      const { type, response, error } = dataOf(last)
      return type === 'response.failed' && response.error.message === error.message ? error.message : null
    },
  },
]

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: '
/** A stream with a proper end, framed as Ollama does it. */
const streamed = (body: string): Script =>
  raw(
    `${HEAD}text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  )
/** A stream that breaks off. */
const cutOff = (body: string): Script =>
  raw(
    `${HEAD}text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`,
  )
/** One document whose last `missing` bytes never arrive. */
const document = (body: string, missing = 0): Script =>
  raw(`${HEAD}application/json\r\nContent-Length: ${Buffer.byteLength(body) + missing}\r\n\r\n${body}`)

const BOOM = 'an error was encountered while running the model: unexpected EOF'
const openaiError = `data: ${json({ error: { message: BOOM, type: 'api_error', param: null, code: null } })}\n\n`

interface Breach {
  readonly name: string
  readonly script: (surface: Surface) => Script
  readonly message: RegExp
}

const BREACHES: readonly Breach[] = [
  {
    name: 'an error that Ollama swallows',
    script: ({ begun, swallowed }) => streamed(begun + swallowed),
    message: /ended before it was complete/,
  },
  {
    name: 'an end without a word',
    script: ({ begun }) => streamed(begun),
    message: /ended before it was complete/,
  },
  { name: 'a cut between events', script: ({ begun }) => cutOff(begun), message: /lost in the middle/ },
  {
    name: 'a cut before the blank line',
    script: ({ begun }) => cutOff(begun.slice(0, -1)),
    message: /lost in the middle/,
  },
  { name: 'a cut within an event', script: ({ begun }) => cutOff(begun.slice(0, -9)), message: /lost in the middle/ },
  {
    name: 'an error as a bare line, which no client of events reads',
    script: ({ begun }) => streamed(`${begun}${json({ error: BOOM })}\n`),
    message: /unexpected EOF/,
  },
  {
    name: 'an error in OpenAI’s form',
    script: ({ begun }) => streamed(begun + openaiError),
    message: /unexpected EOF/,
  },
]

const eventsOf = (body: string): string[] => body.split(/\n{2,}/).filter((part) => part !== '')

describe.each(SURFACES)('on $path', ({ path, body, ...surface }) => {
  const { begun, message } = surface

  it.each(BREACHES)('$name becomes the error event of the API, once and last, and a cut', async (breach) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on(path, breach.script({ path, body, ...surface }))
    const answer = await new Caller(url, { path, body: { ...body, stream: true } }).answer()
    const events = eventsOf(answer.body)
    expect([answer.status, answer.cut]).toEqual([200, true])
    expect(answer.body.startsWith(begun.slice(0, -9))).toBe(true)
    expect(message(events.at(-1) ?? '')).toMatch(breach.message)
    expect(events.filter((part) => isSeen(message, part))).toHaveLength(1)
    const { jobs } = await read<JobListDocument>(url, '/jobs')
    expect(jobs.map(({ state }) => state)).toEqual(['failed'])
  })

  it.each([
    ['that is cut', document('{"id":"x","choices":[{"mess', 20), 'attempts_exhausted'],
    ['with an error in a 200', document(json({ error: { message: BOOM, type: 'api_error' } })), 'target_error'],
    ['that is empty', document(''), 'incomplete_stream'],
  ])('an unstreamed answer %s becomes a complete 502 in the form of the API', async (_name, script, code) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { config: { maxAttempts: 1 } })
    fake.on(path, script)
    const answer = await new Caller(url, { path, body: { ...body, stream: false } }).answer()
    expect([answer.status, answer.headers['x-foreman-error'], answer.cut]).toEqual([502, code, false])
    const told = JSON.parse(answer.body)
    expect(told.error.message).toEqual(expect.any(String))
    expect(told.type).toBe(path === '/v1/messages' ? 'error' : undefined)
  })
})

function isSeen(message: Surface['message'], part: string): boolean {
  try {
    return typeof message(part) === 'string'
  } catch {
    return false
  }
}
