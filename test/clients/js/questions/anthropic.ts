// Questions for Anthropic's client.

import Anthropic from '@anthropic-ai/sdk'
import { ACTING, all, CERTAIN, EMBEDDER, MISSING, PIXEL, type Questions, weather } from './question.ts'

const of = (url: string) => new Anthropic({ baseURL: url, authToken: 'ollama', apiKey: null, maxRetries: 0 })
const messages = [{ role: 'user' as const, content: 'hello there' }]
const ask = { model: CERTAIN, messages, max_tokens: 6, temperature: 0 }
const { parameters, ...named } = weather
const tools = [{ ...named, input_schema: { ...parameters, required: ['town'] } }]

export const ANTHROPIC: Questions = {
  'a message': (url) => of(url).messages.create(ask),
  'a streamed message': async (url) => all(await of(url).messages.create({ ...ask, stream: true })),
  'a streamed message with its helper': (url) => of(url).messages.stream(ask).finalMessage(),
  'many turns with a system prompt': (url) =>
    of(url).messages.create({
      ...ask,
      system: 'be brief',
      messages: [...messages, { role: 'assistant', content: 'hi' }, ...messages],
    }),
  'a message with tools': (url) => of(url).messages.create({ ...ask, tools }),
  'the results of tools': (url) =>
    of(url).messages.create({
      ...{ ...ask, tools },
      messages: [
        ...messages,
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: { town: 'Łódź' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'rain' }] },
      ],
    }),
  'a streamed message that thinks': async (url) =>
    all(
      await of(url).messages.create({
        ...{ ...ask, model: ACTING, max_tokens: 8, stream: true },
        thinking: { type: 'enabled', budget_tokens: 1024 },
      }),
    ),
  'a message with an image': (url) =>
    of(url).messages.create({
      ...ask,
      messages: [
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }],
        },
      ],
    }),
}

export const ANTHROPIC_MISTAKES: Questions = {
  'a message to a model that is not installed': (url) => of(url).messages.create({ ...ask, model: MISSING }),
  'a streamed message to a model that is not installed': (url) =>
    of(url).messages.create({ ...ask, model: MISSING, stream: true }),
  'a message to an embedding model': (url) => of(url).messages.create({ ...ask, model: EMBEDDER }),
  'a message without messages': (url) => of(url).messages.create({ ...ask, messages: [] }),
  'a message of no words': (url) => of(url).messages.create({ ...ask, max_tokens: 0 }),
  'a count of tokens': (url) => of(url).messages.countTokens({ model: CERTAIN, messages }),
}
