// Client modes of the JavaScript clients: one short chat, written as the client's documentation does it, with its default settings.
// The clients know nothing about foreman.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { ChatOllama } from '@langchain/ollama'
import { generateText, type LanguageModel, streamText } from 'ai'
import { createOllama as createAiSdkOllama } from 'ai-sdk-ollama'
import { Ollama } from 'ollama'
import { createOllama } from 'ollama-ai-provider-v2'
import OpenAI from 'openai'
import type { ClientMode, ClientRequest, ClientResult } from '../conformance/client-mode.ts'
import { resultOf } from './client-result.ts'

export interface Question extends ClientRequest {
  /** Default: a word. */
  readonly prompt?: string
  /** A PNG in base64 to go with it. */
  readonly image?: string
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** The token, as this client sends one. */
  readonly token?: string
  /** How often it may ask again; undefined is its own default. Of clients that ask again. */
  readonly retries?: number
  /** How long it waits for the head of an answer; undefined is its own default. Of openai and anthropic. */
  readonly timeoutMs?: number
  /** Called when something of the model has come, with all text so far. */
  readonly onText?: (text: string) => void
}

/** A client in one mode. `ask` gives the whole text or rejects as the client does. */
export interface JavaScriptClientMode extends ClientMode {
  readonly ask: (question: Question) => Promise<string>
}

type Ask = (question: Question) => Promise<string>

const PROMPT = 'hi'
const urlOf = (image: string) => `data:image/png;base64,${image}`
const textOf = ({ prompt = PROMPT }: Question) => ({ type: 'text' as const, text: prompt })

/** A turn in Ollama's own form. */
const turn = ({ prompt = PROMPT, image }: Question) => ({
  ...{ role: 'user' as const, content: prompt },
  ...(image === undefined ? {} : { images: [image] }),
})

/** In OpenAI's form, which LangChain reads too. */
const partsOf = (question: Question, image: string) => [
  textOf(question),
  { type: 'image_url' as const, image_url: { url: urlOf(image) } },
]

const openaiTurn = (question: Question) => ({
  role: 'user' as const,
  content: question.image === undefined ? (question.prompt ?? PROMPT) : partsOf(question, question.image),
})

/** Headers of clients that have no word for a token. */
const headersOf = ({ headers, token }: Question): Record<string, string> => ({
  ...headers,
  ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
})

async function joined<T>(
  { onText }: Question,
  parts: AsyncIterable<T>,
  textOf: (part: T) => string | null | undefined,
): Promise<string> {
  let text = ''
  for await (const part of parts) {
    const piece = textOf(part)
    if (typeof piece !== 'string') continue
    text += piece
    onText?.(text)
  }
  return text
}

const ollamaOf = (question: Question) => new Ollama({ host: question.url, headers: headersOf(question) })

/** Its only way to leave is to leave everything. */
function leaveWith({ signal }: Question, client: Ollama): void {
  signal?.addEventListener('abort', () => client.abort())
}

const ollamaStreamed: Ask = async (question) => {
  const client = ollamaOf(question)
  leaveWith(question, client)
  const stream = await client.chat({ model: question.model, messages: [turn(question)], stream: true })
  return joined(question, stream, ({ message }) => message.content)
}

const ollamaWhole: Ask = async (question) => {
  const client = ollamaOf(question)
  leaveWith(question, client)
  return (await client.chat({ model: question.model, messages: [turn(question)] })).message.content
}

const chatOllamaOf = (question: Question) =>
  new ChatOllama({
    ...{ baseUrl: question.url, model: question.model, headers: headersOf(question) },
    ...(question.retries === undefined ? {} : { maxRetries: question.retries }),
  })

const signalOf = ({ signal }: Question) => (signal === undefined ? {} : { signal })

const langchainStreamed: Ask = async (question) =>
  joined(question, await chatOllamaOf(question).stream([openaiTurn(question)], signalOf(question)), ({ text }) => text)

const langchainWhole: Ask = async (question) =>
  (await chatOllamaOf(question).invoke([openaiTurn(question)], signalOf(question))).text

const filesOf = ({ image }: Question) =>
  image === undefined ? [] : [{ type: 'file' as const, data: image, mediaType: 'image/png' }]

const aiSdkOf = (question: Question) => ({
  prompt: [{ role: 'user' as const, content: [textOf(question), ...filesOf(question)] }],
  ...signalsOf(question),
})

const signalsOf = ({ signal, retries }: Question) => ({
  ...(signal === undefined ? {} : { abortSignal: signal }),
  ...(retries === undefined ? {} : { maxRetries: retries }),
})

type ModelOf = (question: Question) => LanguageModel

const aiSdkStreamed =
  (modelOf: ModelOf): Ask =>
  async (question) => {
    // What goes wrong is a part of the stream; without `onError` the SDK prints it as well.
    const { fullStream } = streamText({ model: modelOf(question), ...aiSdkOf(question), onError: () => undefined })
    return joined(question, fullStream, (part) => {
      if (part.type === 'error') throw part.error
      if (part.type === 'abort') throw new DOMException('aborted', 'AbortError')
      return part.type === 'text-delta' ? part.text : null
    })
  }

const aiSdkWhole =
  (modelOf: ModelOf): Ask =>
  async (question) =>
    (await generateText({ model: modelOf(question), ...aiSdkOf(question) })).text

const ollamaProvider: ModelOf = (question) =>
  createOllama({ baseURL: `${question.url}/api`, headers: headersOf(question) })(question.model)

const aiSdkOllama: ModelOf = (question) =>
  createAiSdkOllama({ baseURL: question.url, headers: headersOf(question) })(question.model)

const openaiCompatible: ModelOf = ({ url, model, headers = {}, token = 'none' }) =>
  createOpenAICompatible({ name: 'ollama', baseURL: `${url}/v1`, apiKey: token, headers: { ...headers } })(model)

const patienceOf = ({ retries, timeoutMs }: Question) => ({
  ...(retries === undefined ? {} : { maxRetries: retries }),
  ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
})

const openaiOf = (question: Question) =>
  new OpenAI({
    ...{ baseURL: `${question.url}/v1`, apiKey: question.token ?? 'none', defaultHeaders: { ...question.headers } },
    ...patienceOf(question),
  })

const openaiStreamed: Ask = async (question) => {
  const body = { model: question.model, messages: [openaiTurn(question)], stream: true as const }
  const stream = await openaiOf(question).chat.completions.create(body, signalOf(question))
  return joined(question, stream, ({ choices }) => choices[0]?.delta.content)
}

const openaiWhole: Ask = async (question) => {
  const body = { model: question.model, messages: [openaiTurn(question)] }
  const answer = await openaiOf(question).chat.completions.create(body, signalOf(question))
  return answer.choices?.[0]?.message.content ?? ''
}

const anthropicOf = (question: Question) =>
  new Anthropic({
    ...{ baseURL: question.url, apiKey: question.token ?? 'none', defaultHeaders: { ...question.headers } },
    ...patienceOf(question),
  })

const sourceOf = ({ image }: Question) => {
  if (image === undefined) return []
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data: image }
  return [{ type: 'image' as const, source }]
}

const anthropicBody = (question: Question) => ({
  ...{ model: question.model, max_tokens: 64 },
  messages: [{ role: 'user' as const, content: [textOf(question), ...sourceOf(question)] }],
})

const anthropicStreamed: Ask = async (question) => {
  // More than it lets a program ask for in one piece.
  const body = { ...anthropicBody(question), max_tokens: 100_000, stream: true as const }
  const stream = await anthropicOf(question).messages.create(body, signalOf(question))
  return joined(question, stream, (event) =>
    event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : '',
  )
}

const anthropicWhole: Ask = async (question) => {
  const { content } = await anthropicOf(question).messages.create(anthropicBody(question), signalOf(question))
  return (content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('')
}

const way = (
  client: string,
  mode: ClientMode['mode'],
  endpoint: ClientMode['endpoint'],
  ask: Ask,
): JavaScriptClientMode => ({
  ...{ client, mode, endpoint, ask },
  // LangChain always streams.
  streams: mode === 'streamed' || client === 'langchain-js',
  call: (asked: ClientRequest): Promise<ClientResult> => resultOf(ask(asked)),
})

const CHAT = '/api/chat'
const COMPLETIONS = '/v1/chat/completions'
const MESSAGES = '/v1/messages'

export const CLIENT_MODES: readonly JavaScriptClientMode[] = [
  way('ollama-js', 'streamed', CHAT, ollamaStreamed),
  way('ollama-js', 'whole', CHAT, ollamaWhole),
  way('langchain-js', 'streamed', CHAT, langchainStreamed),
  way('langchain-js', 'whole', CHAT, langchainWhole),
  way('ollama-ai-provider-v2', 'streamed', CHAT, aiSdkStreamed(ollamaProvider)),
  way('ollama-ai-provider-v2', 'whole', CHAT, aiSdkWhole(ollamaProvider)),
  way('ai-sdk-ollama', 'streamed', CHAT, aiSdkStreamed(aiSdkOllama)),
  way('ai-sdk-ollama', 'whole', CHAT, aiSdkWhole(aiSdkOllama)),
  way('@ai-sdk/openai-compatible', 'streamed', COMPLETIONS, aiSdkStreamed(openaiCompatible)),
  way('@ai-sdk/openai-compatible', 'whole', COMPLETIONS, aiSdkWhole(openaiCompatible)),
  way('openai', 'streamed', COMPLETIONS, openaiStreamed),
  way('openai', 'whole', COMPLETIONS, openaiWhole),
  way('anthropic', 'streamed', MESSAGES, anthropicStreamed),
  way('anthropic', 'whole', MESSAGES, anthropicWhole),
]
