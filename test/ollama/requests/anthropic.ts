// Requests to Anthropic's API.

import { changed, HELLO, PIXEL, posted, type Row, raw, row, WEATHER_TOOL } from './row.ts'

const PATH = '/v1/messages'
const message = { model: 'tiny-a', temperature: 0, messages: HELLO, max_tokens: 6 }
const streamed = { ...message, stream: true }
const tools = [{ name: 'weather', description: 'of a town', input_schema: WEATHER_TOOL.function.parameters }]

export const ANTHROPIC: readonly Row[] = [
  posted('a message', 200, PATH, message),
  posted('a streamed message', 200, PATH, streamed),
  posted('a message with a system prompt', 200, PATH, { ...message, system: 'be brief' }),
  posted('a message with a system prompt in parts', 200, PATH, {
    ...message,
    system: [{ type: 'text', text: 'be brief' }],
  }),
  posted('a message with tools', 200, PATH, { ...message, tools }),
  posted('a streamed message with tools', 200, PATH, { ...streamed, tools }),
  posted('a message in parts', 200, PATH, {
    ...message,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  }),
  posted('a message that is to think, to a model that cannot', 200, PATH, {
    ...{ ...message, thinking: { type: 'enabled', budget_tokens: 1024 } },
  }),
  posted('a message with stop words', 200, PATH, { ...message, stop_sequences: ['e'] }),
  posted('a message with an image, to a model that cannot see', changed(200, '0.30.0', 400), PATH, {
    ...message,
    messages: [
      { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }] },
    ],
  }),
  posted('a message with an unknown part', 400, PATH, { ...message, messages: [{ role: 'user', content: 5 }] }),
  posted('a message without max_tokens', 400, PATH, { model: 'tiny-a', messages: HELLO }),
  posted('a message with a max_tokens of nothing', 400, PATH, { ...message, max_tokens: 0 }),
  posted('a message without messages', 400, PATH, { model: 'tiny-a', max_tokens: 6 }),
  posted('a message with no messages', 400, PATH, { ...message, messages: [] }),
  posted('a message without a model', 400, PATH, { messages: HELLO, max_tokens: 6 }),
  posted('a message to a model that is not installed', 404, PATH, { ...message, model: 'nope' }),
  posted('a streamed message to a model that is not installed', 404, PATH, { ...streamed, model: 'nope' }),
  posted('a message to a model of a bad name', 400, PATH, { ...message, model: 'a b' }),
  posted('a message to an embedding model', 400, PATH, { ...message, model: 'tiny-embed' }),
  posted('a message with a limit of a wrong type', 400, PATH, { ...message, max_tokens: 'six' }),
  raw('a message without a body', 400, PATH, ''),
  raw('a message with half a body', 400, PATH, '{"model":'),
  row('a message as Claude Code asks', 200, {
    method: 'POST',
    path: `${PATH}?beta=true`,
    headers: { 'Content-Type': 'application/json', 'x-api-key': 'ollama', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(streamed),
  }),
  posted('a count of tokens', 404, `${PATH}/count_tokens`, message),
]
