// The requests in OpenAI's dialect: chat completions, completions, responses, images.

import { zstdCompressSync } from 'node:zlib'
import { ANSWER_SCHEMA, changed, HELLO, PIXEL, posted, type Row, row, WEATHER_TOOL } from './row.ts'

const CHAT = '/v1/chat/completions'
const COMPLETIONS = '/v1/completions'
const RESPONSES = '/v1/responses'
const same = { model: 'tiny-a', seed: 7, temperature: 0 }
const chat = { ...same, messages: HELLO, max_tokens: 6 }
const streamed = { ...chat, stream: true }
const completion = { ...same, prompt: 'hello there', max_tokens: 6 }
const response = { model: 'tiny-a', temperature: 0, input: 'hello there', max_output_tokens: 6 }

const said = [{ type: 'message', role: 'user', content: 'hello' }]
const compaction = { model: 'tiny-a', temperature: 0, input: said }
const triggered = [...said, { type: 'compaction_trigger' }]

export const OPENAI: readonly Row[] = [
  posted('a chat completion', 200, CHAT, chat),
  posted('a streamed chat completion', 200, CHAT, streamed),
  posted('a streamed chat completion that counts', 200, CHAT, { ...streamed, stream_options: { include_usage: true } }),
  posted('a chat completion with a newer limit', 200, CHAT, { ...same, messages: HELLO, max_completion_tokens: 4 }),
  posted('a chat completion with tools', 200, CHAT, { ...chat, tools: [WEATHER_TOOL], tool_choice: 'auto' }),
  posted('a streamed chat completion with tools', 200, CHAT, { ...streamed, tools: [WEATHER_TOOL] }),
  posted('a chat completion that wants JSON', 200, CHAT, { ...chat, response_format: { type: 'json_object' } }),
  posted('a chat completion that wants JSON of a schema', 200, CHAT, {
    ...chat,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: ANSWER_SCHEMA } },
  }),
  posted('a chat completion with log probabilities', 200, CHAT, { ...chat, logprobs: true, top_logprobs: 2 }),
  posted('a chat completion with too many log probabilities', 400, CHAT, { ...chat, logprobs: true, top_logprobs: 25 }),
  posted('a chat completion with parts', 200, CHAT, {
    ...chat,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  }),
  posted('a chat completion with an image, of a model that cannot see', changed(200, '0.30.0', 400), CHAT, {
    ...chat,
    messages: [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
    ],
  }),
  posted('a chat completion with an image elsewhere', 400, CHAT, {
    ...chat,
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://127.0.0.1/x.png' } }] }],
  }),
  posted('a chat completion with an unknown part', 400, CHAT, {
    ...chat,
    messages: [{ role: 'user', content: [{ type: 'smell' }] }],
  }),
  posted('a chat completion that is to reason, of a model that cannot', 400, CHAT, {
    ...chat,
    reasoning_effort: 'high',
  }),
  posted('a chat completion that is to reason in an unknown way', 400, CHAT, { ...chat, reasoning_effort: 'x' }),
  posted('a chat completion without messages', 400, CHAT, same),
  posted('a chat completion with no messages', 400, CHAT, { ...same, messages: [] }),
  posted('a chat completion with messages of a wrong type', 400, CHAT, { ...same, messages: 'hello' }),
  posted('a chat completion with a model that is not installed', 404, CHAT, { ...chat, model: 'nope' }),
  posted('a chat completion without a model', 400, CHAT, { messages: HELLO }),
  posted('a chat completion with a model of a bad name', 400, CHAT, { ...streamed, model: 'a b' }),
  posted('a chat completion with an embedding model', 400, CHAT, { ...chat, model: 'tiny-embed' }),

  posted('a plain completion', 200, COMPLETIONS, completion),
  posted('a streamed plain completion', 200, COMPLETIONS, { ...completion, stream: true }),
  posted('a streamed plain completion that counts', 200, COMPLETIONS, {
    ...{ ...completion, stream: true, stream_options: { include_usage: true } },
  }),
  posted('a plain completion of a gap, by a model that cannot', 400, COMPLETIONS, { ...completion, suffix: 'end' }),
  posted('a plain completion of nothing', 200, COMPLETIONS, { ...same }),
  posted('a plain completion with a prompt of a wrong type', 400, COMPLETIONS, { ...same, prompt: 5 }),
  posted('a plain completion with a model that is not installed', 404, COMPLETIONS, { ...completion, model: 'nope' }),
  posted('a plain completion without a model', 404, COMPLETIONS, { prompt: 'hello' }),

  posted('a response', 200, RESPONSES, response),
  posted('a streamed response', 200, RESPONSES, { ...response, stream: true }),
  posted('a response to a list', 200, RESPONSES, {
    ...response,
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }],
  }),
  posted('a response with instructions and tools', 200, RESPONSES, {
    ...response,
    instructions: 'be brief',
    tools: [{ type: 'function', name: 'weather', parameters: WEATHER_TOOL.function.parameters }],
  }),
  posted('a response without an input', changed(200, '0.34.0', 400), RESPONSES, { model: 'tiny-a' }),
  posted('a response to a number', 400, RESPONSES, { model: 'tiny-a', input: 5 }),
  posted('a response of a model that is not installed', 404, RESPONSES, { ...response, model: 'nope' }),
  posted('a streamed response of a model that is not installed', 404, RESPONSES, {
    ...{ ...response, model: 'nope', stream: true },
  }),
  posted('a response of no model', 400, RESPONSES, { input: 'hello' }),
  posted('a response with an embedding model', 400, RESPONSES, { ...response, model: 'tiny-embed' }),
  row('a response to a compressed request', 200, {
    method: 'POST',
    path: RESPONSES,
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd' },
    body: zstdCompressSync(JSON.stringify({ ...response, stream: true })),
  }),
  row('a response to what only says that it is compressed', 400, {
    method: 'POST',
    path: RESPONSES,
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd' },
    body: JSON.stringify(response),
  }),
  row('a response to a compressed request of 12 MiB', 200, {
    method: 'POST',
    path: RESPONSES,
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd' },
    body: zstdCompressSync(`${JSON.stringify(response)}${' '.repeat(12 << 20)}`),
  }),
  // The tiny models write no valid summary.
  posted('a compaction', changed(404, '0.34.0', 500), `${RESPONSES}/compact`, compaction),
  posted('a compaction of nothing', changed(404, '0.34.0', 400), `${RESPONSES}/compact`, {
    model: 'tiny-a',
    input: [],
  }),
  posted('a compaction by no model', changed(404, '0.34.0', 400), `${RESPONSES}/compact`, { input: 'x' }),
  posted('a compaction by a model that is not installed', 404, `${RESPONSES}/compact`, {
    ...compaction,
    model: 'nope',
  }),
  {
    ...posted('a compaction inside a response', 500, RESPONSES, { ...compaction, input: triggered, stream: true }),
    since: '0.34.0',
  },
  {
    ...posted('a compaction inside a response that is not streamed', 400, RESPONSES, {
      ...compaction,
      input: triggered,
    }),
    since: '0.34.0',
  },
  row('a response to half a compressed request', 400, {
    method: 'POST',
    path: RESPONSES,
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd' },
    body: zstdCompressSync(JSON.stringify(response)).subarray(0, 40),
  }),
  row('a chat completion to a compressed request', changed(400, '0.18.0', 200), {
    method: 'POST',
    path: CHAT,
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'zstd' },
    body: zstdCompressSync(JSON.stringify(chat)),
  }),

  posted('an image, of a model that cannot draw', changed(200, '0.32.6', 404), '/v1/images/generations', {
    model: 'tiny-a',
    prompt: 'a cat',
  }),
  posted('an image of nothing', changed(400, '0.32.6', 404), '/v1/images/generations', { model: 'tiny-a' }),
  posted('an image of no model', changed(400, '0.32.6', 404), '/v1/images/generations', { prompt: 'a cat' }),
  posted('an image of a model that is not installed', 404, '/v1/images/generations', {
    model: 'nope',
    prompt: 'a cat',
  }),
]
