// What else than chats JavaScript clients are asked for where it can fail in ways of its own: embeddings, managing
// models, a path by a method that it does not have.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { ChatOllama, OllamaEmbeddings } from '@langchain/ollama'
import { embedMany, generateText } from 'ai'
import { createOllama as createAiSdkOllama } from 'ai-sdk-ollama'
import { Ollama } from 'ollama'
import { createOllama } from 'ollama-ai-provider-v2'
import OpenAI from 'openai'
import type { ErrorClient } from '../conformance/error-table.ts'
import type { ErrorCase, ErrorQuestion } from '../conformance/errors.ts'
import { resultOf } from './client-result.ts'

const act = (
  client: string,
  mode: string,
  todo: (question: ErrorQuestion) => Promise<unknown>,
  more: Partial<ErrorClient> = {},
): ErrorClient => ({ ...{ client, mode }, call: (question) => resultOf(todo(question).then(() => '')), ...more })

/** Shows the words behind the status: it reads errors of OpenAI's form only. */
const shows = ({ reason }: ErrorCase) => reason

const EMBEDDER = 'tiny-embed'
const values = ['hello', 'there']
const ollama = ({ url }: ErrorQuestion) => new Ollama({ host: url })
const provider = ({ url }: ErrorQuestion) => createOllama({ baseURL: `${url}/api` })
const compatible = ({ url }: ErrorQuestion) =>
  createOpenAICompatible({ name: 'ollama', baseURL: `${url}/v1`, apiKey: 'none' })
const openai = ({ url }: ErrorQuestion) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
const anthropic = ({ url }: ErrorQuestion) => new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 })

export const EMBEDDERS: readonly ErrorClient[] = [
  act('ollama-js', 'embed', (asked) => ollama(asked).embed({ model: EMBEDDER, input: values })),
  act('ollama-js', 'embeddings', (asked) => ollama(asked).embeddings({ model: EMBEDDER, prompt: 'hello' })),
  act('langchain-js', 'embed', ({ url }) =>
    new OllamaEmbeddings({ baseUrl: url, model: EMBEDDER, maxRetries: 0 }).embedDocuments(values),
  ),
  act(
    'ollama-ai-provider-v2',
    'embed',
    (asked) => embedMany({ model: provider(asked).embedding(EMBEDDER), values, maxRetries: 0 }),
    { shows },
  ),
  act(
    'ai-sdk-ollama',
    'embed',
    ({ url }) => embedMany({ model: createAiSdkOllama({ baseURL: url }).embedding(EMBEDDER), values, maxRetries: 0 }),
    { hidesStatus: true },
  ),
  act('@ai-sdk/openai-compatible', 'embed', (asked) =>
    embedMany({ model: compatible(asked).embeddingModel(EMBEDDER), values, maxRetries: 0 }),
  ),
  act('openai', 'embed', (asked) => openai(asked).embeddings.create({ model: EMBEDDER, input: values })),
]

export const MANAGERS: readonly ErrorClient[] = [
  act('ollama-js', 'pull', (asked) => ollama(asked).pull({ model: 'new' })),
  act('ollama-js', 'push', (asked) => ollama(asked).push({ model: asked.model })),
  act('ollama-js', 'create', (asked) => ollama(asked).create({ model: 'new', from: asked.model })),
  act('ollama-js', 'copy', (asked) => ollama(asked).copy({ source: asked.model, destination: 'new' })),
  act('ollama-js', 'delete', (asked) => ollama(asked).delete({ model: asked.model })),
  act('langchain-js', 'pull', ({ url }) =>
    new ChatOllama({ baseUrl: url, model: 'new', checkOrPullModel: true, maxRetries: 0 }).invoke('hello'),
  ),
]

/** As a program without any client would. */
async function plainly({ url }: ErrorQuestion): Promise<void> {
  const response = await fetch(`${url}/api/chat`, { method: 'PUT' })
  const { status } = response
  throw Object.assign(new Error(await response.text()), { name: 'Response', status })
}

/** Two have a word for any method; the AI SDK posts below whatever address it is given, and there are paths only to GET. */
export const METHODS: readonly ErrorClient[] = [
  act('fetch', 'put', plainly),
  act('openai', 'get', (asked) => openai(asked).get('/chat/completions')),
  act('anthropic', 'get', (asked) => anthropic(asked).get('/v1/messages')),
  act(
    'ollama-ai-provider-v2',
    'post',
    ({ url, model }) => {
      const ask = { model: createOllama({ baseURL: `${url}/v1/models` })(model), prompt: 'hi', maxRetries: 0 }
      return generateText(ask)
    },
    { shows, allow: 'GET' },
  ),
  act(
    '@ai-sdk/openai-compatible',
    'post',
    ({ url, model }) => {
      const client = createOpenAICompatible({ name: 'ollama', baseURL: `${url}/v1/models?below=` })
      return generateText({ model: client(model), prompt: 'hi', maxRetries: 0 })
    },
    { shows, allow: 'GET' },
  ),
]
