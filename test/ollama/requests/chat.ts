// Owns the requests to /api/chat that a model answers, or that Ollama refuses for what they ask.

import { ANSWER_SCHEMA, HELLO, PIXEL, posted, type Row, raw, row, SAME_EACH_TIME, WEATHER_TOOL } from './row.ts'

const PATH = '/api/chat'
const chat = { model: 'tiny-a', messages: HELLO, options: SAME_EACH_TIME }
const whole = { ...chat, stream: false }
const text = JSON.stringify(whole)

export const CHAT: readonly Row[] = [
  posted('a streamed chat', 200, PATH, chat),
  posted('a chat that asks for the stream by name', 200, PATH, { ...chat, stream: true }),
  posted('a chat whose stream is null', 200, PATH, { ...chat, stream: null }),
  posted('a chat in one piece', 200, PATH, whole),
  posted('a chat with a system message and a history', 200, PATH, {
    ...chat,
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'hello' },
      { role: 'assistant', content: 'yes?' },
      { role: 'user', content: 'go on' },
    ],
  }),
  posted('a chat with its own keep_alive', 200, PATH, { ...whole, keep_alive: '5m' }),
  posted('a chat with a keep_alive in seconds', 200, PATH, { ...whole, keep_alive: 300 }),
  posted('a chat whose keep_alive is null', 200, PATH, { ...whole, keep_alive: null }),
  posted('a streamed chat with tools', 200, PATH, { ...chat, tools: [WEATHER_TOOL] }),
  posted('a chat in one piece with tools', 200, PATH, { ...whole, tools: [WEATHER_TOOL] }),
  posted('a chat with the answer of a tool in it', 200, PATH, {
    ...chat,
    messages: [
      ...HELLO,
      { role: 'assistant', content: '', tool_calls: [{ function: { name: 'weather', arguments: { town: 'Ulm' } } }] },
      { role: 'tool', content: 'rain', tool_name: 'weather' },
    ],
  }),
  posted('a chat that wants JSON', 200, PATH, { ...chat, format: 'json' }),
  posted('a chat that wants JSON of a schema', 200, PATH, { ...whole, format: ANSWER_SCHEMA }),
  posted('a chat with a format that is no schema', 500, PATH, { ...whole, format: 'xml' }),
  posted('a chat with log probabilities', 200, PATH, { ...chat, logprobs: true, top_logprobs: 2 }),
  posted('a chat with too many log probabilities', 400, PATH, { ...chat, top_logprobs: 21 }),
  posted('a chat with fewer than no log probabilities', 400, PATH, { ...chat, top_logprobs: -1 }),
  posted('a chat that must not think', 200, PATH, { ...whole, think: false }),
  posted('a chat that is to think, of a model that cannot', 400, PATH, { ...chat, think: true }),
  posted('a chat that is to think hard, of a model that cannot', 400, PATH, { ...chat, think: 'high' }),
  posted('a chat that is to think in an unknown way', 400, PATH, { ...chat, think: 'sideways' }),
  posted('a chat with an image, of a model that cannot see', 200, PATH, {
    ...chat,
    messages: [{ role: 'user', content: 'what is this?', images: [PIXEL] }],
  }),
  posted('a chat with an image that is not base64', 400, PATH, {
    ...chat,
    messages: [{ role: 'user', content: 'what is this?', images: ['***'] }],
  }),
  posted('a chat with stop words', 200, PATH, { ...chat, options: { ...SAME_EACH_TIME, stop: ['e'] } }),
  posted('a chat without truncation that fits', 200, PATH, { ...whole, truncate: false, shift: false }),
  posted('a chat without truncation that is too long', 400, PATH, {
    ...whole,
    truncate: false,
    messages: [{ role: 'user', content: 'word '.repeat(4000) }],
  }),
  posted('a chat of which only the prompt is to be shown', 200, PATH, { ...chat, _debug_render_only: true }),
  posted('a chat with unknown keys', 200, PATH, { ...whole, Nonsense: 1, 'x-y': [{}] }),
  posted('a chat with an unknown option', 200, PATH, { ...whole, options: { ...SAME_EACH_TIME, nonsense: 1 } }),
  posted('a chat with an option of the wrong type', 500, PATH, { ...whole, options: { seed: 'x' } }),
  posted('a chat with an empty message', 200, PATH, { ...whole, messages: [{ role: 'user', content: '' }] }),
  posted('a chat with a role that nobody knows', 200, PATH, { ...whole, messages: [{ role: 'king', content: 'hi' }] }),
  posted('a chat with a tag', 200, PATH, { ...whole, model: 'tiny-a:latest' }),
  posted('a chat with a model in capitals', 200, PATH, { ...whole, model: 'TINY-A' }),
  posted('a chat with a model in its namespace', 200, PATH, { ...whole, model: 'library/tiny-a' }),
  posted('a chat with a model at its registry', 200, PATH, {
    ...whole,
    model: 'registry.ollama.ai/library/tiny-a:latest',
  }),
  posted('a chat that only loads', 200, PATH, { model: 'tiny-a' }),
  posted('a chat with no messages that only loads', 200, PATH, { model: 'tiny-a', messages: [], stream: false }),
  posted('a chat that only unloads', 200, PATH, { model: 'tiny-a', messages: [], keep_alive: 0 }),
  posted('a chat that only unloads in one piece', 200, PATH, { model: 'tiny-a', keep_alive: '0s', stream: false }),
  posted('a chat with a model that is not installed', 404, PATH, { ...chat, model: 'nope' }),
  posted('a chat with a tag that is not installed', 404, PATH, { ...whole, model: 'tiny-a:nope' }),
  posted('a chat with a model of a bad name', 400, PATH, { ...chat, model: 'not/a/model/name/at/all' }),
  posted('a chat with a model of a name with spaces', 400, PATH, { ...chat, model: 'tiny a' }),
  posted('a chat with an empty model', 400, PATH, { ...chat, model: '' }),
  posted('a chat without a model', 400, PATH, { messages: HELLO }),
  posted('a chat with an embedding model', 400, PATH, { ...chat, model: 'tiny-embed' }),
  posted('an unload of a model that is not installed', 404, PATH, { model: 'nope', keep_alive: 0 }),
  raw('a chat with numbers that no JavaScript could write again', 200, PATH, text.replace('"seed":7', '"seed":7.0')),
  raw('a chat with a seed larger than any number', 200, PATH, text.replace('"seed":7', '"seed":12345678901234567890')),
  raw('a chat with its model written in escapes', 200, PATH, text.replace('tiny-a', 'tiny\\u002da')),
  raw('a chat with half a surrogate pair', 200, PATH, text.replace('hello', '\\ud83d')),
  raw('a chat with white space all around', 200, PATH, ` \r\n\t${text}\n\n`),
  raw('a chat with something behind its end', 200, PATH, `${text} and more`),
  raw(
    'a chat that is not UTF-8',
    200,
    PATH,
    Buffer.concat([
      Buffer.from(text.slice(0, text.indexOf('hello'))),
      Buffer.from([0xff, 0xc3]),
      Buffer.from(text.slice(text.indexOf('hello'))),
    ]),
  ),
  row('a chat without a content type', 200, { method: 'POST', path: PATH, body: text }),
  row('a chat that calls itself a form', 200, {
    method: 'POST',
    path: PATH,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: text,
  }),
  row('a chat sent in chunks', 200, { method: 'POST', path: PATH, body: text, chunked: true }),
  row('a chat with a query string', 200, { method: 'POST', path: `${PATH}?beta=true`, body: text }),
]
