// Questions for the official JavaScript client.

import { Ollama } from 'ollama'
import {
  ACTING,
  all,
  CALLS,
  CERTAIN,
  EMBEDDER,
  MISSING,
  PIXEL,
  type Questions,
  SAME,
  SCHEMA,
  weather,
} from './question.ts'

const of = (url: string) => new Ollama({ host: url })
const messages = [{ role: 'user', content: 'hello there' }]
const chat = { model: CERTAIN, messages, options: SAME }
const generate = { model: CERTAIN, prompt: 'hello there', options: SAME }
const tools = [
  { type: 'function', function: { ...weather, parameters: { ...weather.parameters, required: ['town'] } } },
]
const acting = { model: ACTING, messages, options: { ...SAME, num_predict: 128 } }
const calling = { ...acting, think: false, tools, format: CALLS }

export const OLLAMA: Questions = {
  'a chat': (url) => of(url).chat(chat),
  'a streamed chat': async (url) => all(await of(url).chat({ ...chat, stream: true })),
  'a chat of many turns with a system prompt': (url) =>
    of(url).chat({
      ...chat,
      messages: [
        { role: 'system', content: 'be brief' },
        ...messages,
        { role: 'assistant', content: 'hi' },
        ...messages,
      ],
    }),
  'a chat that calls tools': (url) => of(url).chat(calling),
  'a streamed chat that calls tools': async (url) => all(await of(url).chat({ ...calling, stream: true })),
  'the results of tools': (url) =>
    of(url).chat({
      ...acting,
      think: false,
      messages: [
        ...messages,
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ function: { name: 'weather', arguments: { town: 'Łódź' } } }],
        },
        { role: 'tool', content: 'rain', tool_name: 'weather' },
      ],
    }),
  'a chat that thinks': (url) => of(url).chat({ ...acting, think: true, options: SAME }),
  'a streamed chat that thinks': async (url) =>
    all(await of(url).chat({ ...acting, think: true, options: SAME, stream: true })),
  'a chat that wants JSON': (url) => of(url).chat({ ...chat, format: 'json' }),
  'a streamed chat that wants JSON of a schema': async (url) =>
    all(await of(url).chat({ ...chat, format: SCHEMA, stream: true })),
  'a chat with an image': (url) =>
    of(url).chat({ ...chat, messages: [{ role: 'user', content: 'what?', images: [PIXEL] }] }),
  'a chat that is kept for ever': (url) => of(url).chat({ ...chat, keep_alive: -1 }),
  'a chat that is kept for a minute': (url) => of(url).chat({ ...chat, keep_alive: '1m' }),
  'a chat with log probabilities': (url) => of(url).chat({ ...chat, logprobs: true, top_logprobs: 2 }),
  'a chat with stop words': (url) => of(url).chat({ ...chat, options: { ...SAME, stop: ['e'], num_predict: 12 } }),
  'a completion': (url) => of(url).generate(generate),
  'a streamed completion': async (url) => all(await of(url).generate({ ...generate, stream: true })),
  'a completion with a system prompt and a template': (url) =>
    of(url).generate({ ...generate, system: 'be brief', template: '{{ .System }} {{ .Prompt }}' }),
  'a raw completion': (url) => of(url).generate({ ...generate, raw: true }),
  'a load': (url) => of(url).generate({ model: CERTAIN, prompt: '' }),
  'an unload': (url) => of(url).generate({ model: CERTAIN, prompt: '', keep_alive: 0 }),
  'an embedding': (url) => of(url).embed({ model: EMBEDDER, input: 'hello' }),
  embeddings: (url) => of(url).embed({ model: EMBEDDER, input: ['hello', 'there'] }),
  'an old embedding': (url) => of(url).embeddings({ model: EMBEDDER, prompt: 'hello' }),
  // Ollama lists models that were made within a second in another order each time.
  'the models': async (url) => (await of(url).list()).models.sort((a, b) => (a.name < b.name ? -1 : 1)),
  'a model': (url) => of(url).show({ model: EMBEDDER }),
  'the version': (url) => of(url).version(),
}

export const OLLAMA_MISTAKES: Questions = {
  'a chat with a model that is not installed': (url) => of(url).chat({ ...chat, model: MISSING }),
  'a streamed chat with a model that is not installed': (url) =>
    of(url).chat({ ...chat, model: MISSING, stream: true }),
  'a chat with an embedding model': (url) => of(url).chat({ ...chat, model: EMBEDDER }),
  'a streamed chat that is to think, of a model that cannot': (url) =>
    of(url).chat({ ...chat, think: true, stream: true }),
  'a chat without a model': (url) => of(url).chat({ ...chat, model: '' }),
  'a completion without a model': (url) => of(url).generate({ ...generate, model: '' }),
  'a completion by a model of a bad name': (url) => of(url).generate({ ...generate, model: 'a b' }),
  'an embedding by a model that is not installed': (url) => of(url).embed({ model: MISSING, input: 'x' }),
  'a look at a model that is not installed': (url) => of(url).show({ model: MISSING }),
}
