// Questions for OpenAI's client: chat completions, completions, responses, embeddings, models.

import OpenAI from 'openai'
import { ACTING, all, CALLS, CERTAIN, EMBEDDER, MISSING, PIXEL, type Questions, SCHEMA, weather } from './question.ts'

const of = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
const messages = [{ role: 'user' as const, content: 'hello there' }]
const same = { seed: 7, temperature: 0 }
const chat = { model: CERTAIN, messages, max_tokens: 6, ...same }
const response = { model: CERTAIN, input: 'hello there', temperature: 0, max_output_tokens: 6 }
const tools = [{ type: 'function' as const, function: { ...weather, parameters: { ...weather.parameters } } }]
const schemaOf = (schema: object) => ({
  type: 'json_schema' as const,
  json_schema: { name: 'answer', schema: { ...schema } },
})
const acting = { ...chat, model: ACTING, max_tokens: 128 }
const calling = { ...acting, reasoning_effort: 'none' as const, tools, response_format: schemaOf(CALLS) }

export const OPENAI: Questions = {
  'a chat': (url) => of(url).chat.completions.create(chat),
  'a streamed chat': async (url) => all(await of(url).chat.completions.create({ ...chat, stream: true })),
  'a streamed chat that counts': async (url) =>
    all(await of(url).chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } })),
  'a streamed chat with its helper': async (url) =>
    of(url)
      .chat.completions.stream({ ...chat, stream: true })
      .finalChatCompletion(),
  'a chat of many turns with a system prompt': (url) =>
    of(url).chat.completions.create({
      ...chat,
      messages: [
        { role: 'system', content: 'be brief' },
        ...messages,
        { role: 'assistant', content: 'hi' },
        ...messages,
      ],
    }),
  'a chat that calls tools': (url) => of(url).chat.completions.create(calling),
  'a streamed chat that calls tools': async (url) =>
    all(await of(url).chat.completions.create({ ...calling, stream: true })),
  'a chat that reasons': (url) => of(url).chat.completions.create({ ...acting, max_tokens: 8 }),
  'a chat that wants JSON of a schema': (url) =>
    of(url).chat.completions.create({ ...chat, response_format: schemaOf(SCHEMA) }),
  'a chat with an image': (url) =>
    of(url).chat.completions.create({
      ...chat,
      messages: [
        { role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }] },
      ],
    }),
  'a completion': (url) => of(url).completions.create({ model: CERTAIN, prompt: 'hello', max_tokens: 6, ...same }),
  'a streamed completion': async (url) =>
    all(await of(url).completions.create({ model: CERTAIN, prompt: 'hello', max_tokens: 6, ...same, stream: true })),
  'a response': (url) => of(url).responses.create(response),
  'a streamed response': async (url) => all(await of(url).responses.create({ ...response, stream: true })),
  embeddings: (url) => of(url).embeddings.create({ model: EMBEDDER, input: ['hello', 'there'] }),
  'embeddings as numbers': (url) =>
    of(url).embeddings.create({ model: EMBEDDER, input: 'hello', encoding_format: 'float' }),
  'the models': async (url) => (await of(url).models.list()).data.sort((a, b) => (a.id < b.id ? -1 : 1)),
  'a model': (url) => of(url).models.retrieve(CERTAIN),
}

export const OPENAI_MISTAKES: Questions = {
  'a chat with a model that is not installed': (url) => of(url).chat.completions.create({ ...chat, model: MISSING }),
  'a streamed chat with a model that is not installed': (url) =>
    of(url).chat.completions.create({ ...chat, model: MISSING, stream: true }),
  'a chat with an embedding model': (url) => of(url).chat.completions.create({ ...chat, model: EMBEDDER }),
  'a chat without messages': (url) => of(url).chat.completions.create({ ...chat, messages: [] }),
  'a chat that is to reason, of a model that cannot': (url) =>
    of(url).chat.completions.create({ ...chat, reasoning_effort: 'high' }),
  'a response of a model that is not installed': (url) => of(url).responses.create({ ...response, model: MISSING }),
  'embeddings by a model that is not installed': (url) => of(url).embeddings.create({ model: MISSING, input: 'hello' }),
  'a look at a model that is not installed': (url) => of(url).models.retrieve(MISSING),
  'what Ollama does not have': (url) => of(url).files.list(),
}
