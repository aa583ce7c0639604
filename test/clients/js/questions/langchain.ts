// Questions for LangChain.

import { AIMessage, HumanMessage, SystemMessage } from '@langchain/core/messages'
import { ChatOllama, type ChatOllamaInput, Ollama, OllamaEmbeddings } from '@langchain/ollama'
import { ACTING, all, CALLS, CERTAIN, EMBEDDER, MISSING, PIXEL, type Questions, SCHEMA, weather } from './question.ts'

const same = { seed: 7, temperature: 0, numPredict: 6, numThread: 1 }
const of = (baseUrl: string, more: Partial<ChatOllamaInput> = {}) =>
  new ChatOllama({ baseUrl, model: CERTAIN, ...same, ...more })
const tools = [{ type: 'function', function: weather }]
const ACTS = { model: ACTING, numPredict: 128, think: false } as const

export const LANGCHAIN: Questions = {
  'an invocation': (url) => of(url).invoke('hello there'),
  'a stream': async (url) => all(await of(url).stream('hello there')),
  'many turns with a system prompt': (url) =>
    of(url).invoke([
      new SystemMessage('be brief'),
      new HumanMessage('hello'),
      new AIMessage('hi'),
      new HumanMessage('so?'),
    ]),
  'a batch': (url) => of(url).batch(['hello', 'there']),
  'a call of tools': (url) =>
    of(url, { ...ACTS, format: CALLS })
      .bindTools(tools)
      .invoke('hello'),
  'a streamed call of tools': async (url) =>
    all(
      await of(url, { ...ACTS, format: CALLS })
        .bindTools(tools)
        .stream('hello'),
    ),
  thinking: (url) => of(url, { model: ACTING, think: true }).invoke('hello'),
  'JSON of a schema': (url) => of(url, { format: SCHEMA }).invoke('hello'),
  'an image': (url) =>
    of(url).invoke([
      new HumanMessage({
        content: [
          { type: 'text', text: 'what?' },
          { type: 'image_url', image_url: `data:image/png;base64,${PIXEL}` },
        ],
      }),
    ]),
  'a chat that is kept for a minute': (url) => of(url, { keepAlive: '1m' }).invoke('hello'),
  'a completion': (url) => new Ollama({ baseUrl: url, model: CERTAIN, ...same }).invoke('hello there'),
  embeddings: (url) => new OllamaEmbeddings({ baseUrl: url, model: EMBEDDER }).embedDocuments(['hello', 'there']),
}

export const LANGCHAIN_MISTAKES: Questions = {
  'a model that is not installed': (url) => of(url, { model: MISSING }).invoke('hello'),
  'a stream by an embedding model': (url) => of(url, { model: EMBEDDER }).stream('hello').then(all),
  'embeddings by a model that is not installed': (url) =>
    new OllamaEmbeddings({ baseUrl: url, model: MISSING, maxRetries: 0 }).embedDocuments(['hello']),
}
