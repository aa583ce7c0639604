// Table of the target's endpoints that run a worker model, and the parts of their answers. Pure.
// The path that is sent to the target is a key of this table, never a caller's string: passing on a path would be a
// bypass.

import type { JsonKind } from '../text/json-scan.ts'

/** The API family: it determines the form of errors, heartbeats and records. */
export type Dialect = 'native' | 'openai' | 'anthropic' | 'responses'

/** JSON keys of a request that foreman reads. */
export type BodyKey = 'model' | 'stream' | 'keep_alive' | 'messages' | 'prompt' | 'options' | 'shift'

/** The JSON kind that Ollama reads each key into. A duration has rules of its own. */
export type KeyKinds = Readonly<Partial<Record<BodyKey, JsonKind | 'duration'>>>

/** Path of a text in a document: a key, the first element of an array, or each of its elements whose `type` is this one. */
export type TextPath = readonly (string | 0 | { readonly type: string })[]

export interface Endpoint {
  readonly dialect: Dialect
  /** Whether the answer is streamed if `stream` is absent. */
  readonly streamsByDefault: boolean
  /** Format of the request body. */
  readonly body: 'json' | 'multipart'
  /** A form is accepted too, if the Content-Type says so. */
  readonly mayBeForm?: true
  readonly keys: KeyKinds
  /** Native endpoints only: without this key, the request only loads or unloads its model. */
  readonly saysWith?: 'messages' | 'prompt'
  /** The key that the `/v1` layer requires before it looks for the model, and its error. */
  readonly requires?: { readonly key: 'messages' | 'prompt'; readonly error: string }
  /**
   * Where a request asks for an answer in JSON: the key, and the path below it. Absent where it cannot ask
   * (openai.CompletionRequest, anthropic.MessagesRequest of 0.17.4).
   */
  readonly format?: readonly [key: string, ...path: string[]]
  /** The `/v1` layer asks for a model itself, before it calls the handler. */
  readonly layerAsksForModel?: true
  /** The handler is that of generate: an invalid name is an unknown model to it. That of chat asks for a name. */
  readonly runsGenerate?: true
  /** Whether the layer that looks for compactions reads the body first. */
  readonly looksForCompaction?: 'always' | 'since-0.34'
  /** How the records of a stream are joined. `last`: the last one repeats everything. */
  readonly joins: 'native-chat' | 'native-generate' | 'openai-chat' | 'openai-completion' | 'anthropic' | 'last'
  /** The assistant's text in an unstreamed answer; null if it has none. */
  readonly text: TextPath | null
  /** An unstreamed answer is a picture or a recording's text: whole when its framing says so, whatever is in it. */
  readonly isBlob?: true
  /** Ollama answers in plain text if the caller asks for that. */
  readonly mayBePlainText?: true
}

/** `name` does not stand for `model` on any of these endpoints. */
const ROUTED: KeyKinds = { model: 'string', stream: 'bool' }
const NATIVE_KEYS: KeyKinds = { ...ROUTED, keep_alive: 'duration', options: 'object', shift: 'bool' }

const NATIVE = { dialect: 'native', streamsByDefault: true, body: 'json', format: ['format'] } as const
/** `/v1` knows no options and no keep_alive (openai.FromChatRequest and its like pass none on). */
const V1 = { dialect: 'openai', streamsByDefault: false, body: 'json', keys: ROUTED, joins: 'last' } as const

/** An image is never streamed. It has no text: the picture is in the response, and not kept twice. */
const IMAGE: Endpoint = {
  ...V1,
  keys: { model: 'string', prompt: 'string' },
  requires: { key: 'prompt', error: 'prompt is required' },
  layerAsksForModel: true,
  runsGenerate: true,
  text: null,
  isBlob: true,
}

const ROWS = {
  '/api/chat': {
    ...NATIVE,
    keys: { ...NATIVE_KEYS, messages: 'array' },
    saysWith: 'messages',
    joins: 'native-chat',
    text: ['message', 'content'],
  },
  '/api/generate': {
    ...NATIVE,
    keys: { ...NATIVE_KEYS, prompt: 'string' },
    saysWith: 'prompt',
    runsGenerate: true,
    joins: 'native-generate',
    text: ['response'],
  },
  '/v1/chat/completions': {
    ...V1,
    keys: { ...ROUTED, messages: 'array' },
    requires: { key: 'messages', error: "[] is too short - 'messages'" },
    format: ['response_format', 'type'],
    joins: 'openai-chat',
    text: ['choices', 0, 'message', 'content'],
  },
  '/v1/completions': { ...V1, runsGenerate: true, joins: 'openai-completion', text: ['choices', 0, 'text'] },
  '/v1/responses': {
    ...V1,
    dialect: 'responses',
    format: ['text', 'format', 'type'],
    looksForCompaction: 'since-0.34',
    text: ['output', { type: 'message' }, 'content', { type: 'output_text' }, 'text'],
  },
  // Compacts a conversation, since 0.34: up to three runs of the model, then one JSON document that only Ollama can read.
  // It is never streamed, whatever the request asks for.
  '/v1/responses/compact': {
    ...V1,
    dialect: 'responses',
    keys: { model: 'string' },
    looksForCompaction: 'always',
    text: null,
  },
  '/v1/messages': {
    ...V1,
    dialect: 'anthropic',
    layerAsksForModel: true,
    joins: 'anthropic',
    text: ['content', { type: 'text' }, 'text'],
  },
  '/v1/audio/transcriptions': {
    ...V1,
    body: 'multipart',
    keys: {},
    layerAsksForModel: true,
    text: ['text'],
    isBlob: true,
    mayBePlainText: true,
  },
  '/v1/images/generations': IMAGE,
  // Every Ollama that has this endpoint (removed in 0.32.6) reads JSON. OpenAI's clients send a form.
  '/v1/images/edits': { ...IMAGE, mayBeForm: true },
} satisfies Record<string, Endpoint>

export type EndpointPath = keyof typeof ROWS

export const ENDPOINTS: Readonly<Record<EndpointPath, Endpoint>> = ROWS

/** Form of an answer: one JSON document, lines of JSON, or server-sent events. */
export type AnswerForm = 'json' | 'ndjson' | 'sse'

/**
 * Returns the form of the answer, known before the target answers: the head may have to be sent to the caller earlier.
 */
export function answerForm(path: EndpointPath, stream: boolean, loadOnly: boolean): AnswerForm {
  if (!stream || loadOnly) return 'json'
  return ENDPOINTS[path].dialect === 'native' ? 'ndjson' : 'sse'
}

/** The content type of each form, exactly as Ollama writes it. */
export function contentTypeOf(form: AnswerForm, dialect: Dialect): string {
  if (form === 'ndjson') return 'application/x-ndjson'
  if (form === 'sse') return 'text/event-stream'
  return dialect === 'native' ? 'application/json; charset=utf-8' : 'application/json'
}

/** Headers as received: names in the target's spelling, duplicates kept, hop-by-hop headers dropped. */
export type AnswerHeaders = ReadonlyArray<readonly [name: string, value: string]>

/** One record of an answer, without its framing. */
export interface AnswerRecord {
  /** Name of the SSE event if it has one, else null. */
  readonly event: string | null
  /** The line, the data lines of the event joined by LF, or the whole document. */
  readonly data: Buffer
}
