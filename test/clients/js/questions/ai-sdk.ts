// Questions for the AI SDK, the same through each of its three providers for Ollama.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  type EmbeddingModel,
  embedMany,
  generateText,
  jsonSchema,
  type LanguageModel,
  Output,
  streamText,
  tool,
} from 'ai'
import { createOllama as createAiSdkOllama } from 'ai-sdk-ollama'
import { createOllama } from 'ollama-ai-provider-v2'
import { ACTING, CERTAIN, EMBEDDER, MISSING, PIXEL, type Questions, SCHEMA, weather } from './question.ts'

interface Provider {
  readonly chat: (url: string, model: string) => LanguageModel
  readonly embedder: (url: string, model: string) => EmbeddingModel
}

const openaiCompatible = (url: string) =>
  createOpenAICompatible({ name: 'ollama', baseURL: `${url}/v1`, apiKey: 'none', supportsStructuredOutputs: true })
const provider = (url: string) => createOllama({ baseURL: `${url}/api` })
const aiSdkOllama = (url: string) => createAiSdkOllama({ baseURL: url })

const same = { seed: 7, temperature: 0, maxOutputTokens: 6, maxRetries: 0 }
const tools = {
  weather: tool({
    description: weather.description,
    execute: () => 'rain',
    inputSchema: jsonSchema<{ town: string }>({ ...weather.parameters, required: ['town'] }),
  }),
}

/** What a program reads of an answer; the rest are times, ids and what was sent. */
interface Read {
  readonly content: unknown
  readonly text: string
  readonly finishReason: string
  readonly rawFinishReason: string | undefined
  readonly usage: unknown
  readonly warnings: unknown
}

const read = ({ content, text, finishReason, rawFinishReason, usage, warnings }: Read): Read => ({
  ...{ content, text, finishReason, rawFinishReason, usage, warnings },
})

async function parts(stream: AsyncIterable<{ readonly type: string }>): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const part of stream) {
    if (part.type === 'error' && 'error' in part) throw part.error
    // What was sent, and when, as the SDK itself writes it down.
    if (!/^(start|finish)(-step)?$/.test(part.type)) seen.push(part)
  }
  return seen
}

function questionsOf({ chat, embedder }: Provider): Questions {
  const of = (url: string, model: string = CERTAIN) => ({ ...same, model: chat(url, model) })
  return {
    'a text': async (url) => read(await generateText({ ...of(url), prompt: 'hello there' })),
    'a streamed text': async (url) =>
      parts(streamText({ ...of(url), prompt: 'hello there', onError: () => undefined }).fullStream),
    'many turns with a system prompt': async (url) =>
      read(
        await generateText({
          ...of(url),
          instructions: 'be brief',
          messages: [
            { role: 'user', content: 'hello' },
            { role: 'assistant', content: 'hi' },
            { role: 'user', content: 'so?' },
          ],
        }),
      ),
    'a text with tools': async (url) =>
      read(await generateText({ ...of(url, ACTING), maxOutputTokens: 16, tools, prompt: 'hello' })),
    'a text with an image': async (url) =>
      read(
        await generateText({
          ...of(url),
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'what?' },
                { type: 'file', data: PIXEL, mediaType: 'image/png' },
              ],
            },
          ],
        }),
      ),
    'an object': async (url) => {
      const answer = await generateText({
        ...{ ...of(url), maxOutputTokens: 32, prompt: 'hello' },
        output: Output.object({ schema: jsonSchema(SCHEMA) }),
      })
      return answer.output
    },
    embeddings: async (url) => {
      const { embeddings, usage } = await embedMany({ model: embedder(url, EMBEDDER), values: ['hello', 'there'] })
      return { embeddings, usage }
    },
  }
}

function mistakesOf({ chat, embedder }: Provider): Questions {
  return {
    'a model that is not installed': (url) => generateText({ ...same, model: chat(url, MISSING), prompt: 'hello' }),
    'a stream by a model that is not installed': (url) =>
      parts(streamText({ ...same, model: chat(url, MISSING), prompt: 'hello', onError: () => undefined }).fullStream),
    'a text by an embedding model': (url) => generateText({ ...same, model: chat(url, EMBEDDER), prompt: 'hello' }),
    'embeddings by a model that is not installed': (url) =>
      embedMany({ model: embedder(url, MISSING), values: ['hello'], maxRetries: 0 }),
  }
}

const PROVIDERS: Readonly<Record<string, Provider>> = {
  'ollama-ai-provider-v2': {
    chat: (url, model) => provider(url)(model),
    embedder: (url, model) => provider(url).embedding(model),
  },
  'ai-sdk-ollama': {
    chat: (url, model) => aiSdkOllama(url)(model),
    embedder: (url, model) => aiSdkOllama(url).embedding(model),
  },
  '@ai-sdk/openai-compatible': {
    chat: (url, model) => openaiCompatible(url)(model),
    embedder: (url, model) => openaiCompatible(url).embeddingModel(model),
  },
}

const each = (make: (provider: Provider) => Questions): Questions =>
  Object.fromEntries(
    Object.entries(PROVIDERS).flatMap(([name, ways]) =>
      Object.entries(make(ways)).map(([what, question]) => [`${name}: ${what}`, question]),
    ),
  )

export const AI_SDK: Questions = each(questionsOf)
export const AI_SDK_MISTAKES: Questions = each(mistakesOf)
