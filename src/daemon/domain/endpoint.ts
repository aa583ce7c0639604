// Table of the target's endpoints that run a worker model, and the parts of their answers. Pure.
// The path that is sent to the target is a key of this table, never a caller's string: passing on a path would be a
// bypass.

/** The API family: it determines the form of errors, heartbeats and records. */
export type Dialect = 'native' | 'openai' | 'anthropic' | 'responses'

export interface Endpoint {
  readonly dialect: Dialect
  /** Whether the answer is streamed if `stream` is absent. */
  readonly streamsByDefault: boolean
  /** Format of the request body. */
  readonly body: 'json' | 'multipart'
  /** Native endpoints only: without this key, the request only loads or unloads its model. */
  readonly saysWith?: 'messages' | 'prompt'
}

export const ENDPOINTS = {
  '/api/chat': { dialect: 'native', streamsByDefault: true, body: 'json', saysWith: 'messages' },
  '/api/generate': { dialect: 'native', streamsByDefault: true, body: 'json', saysWith: 'prompt' },
  '/v1/chat/completions': { dialect: 'openai', streamsByDefault: false, body: 'json' },
  '/v1/completions': { dialect: 'openai', streamsByDefault: false, body: 'json' },
  '/v1/responses': { dialect: 'responses', streamsByDefault: false, body: 'json' },
  // Compacts a conversation, since 0.34: up to three runs of the model, then one JSON document.
  '/v1/responses/compact': { dialect: 'responses', streamsByDefault: false, body: 'json' },
  '/v1/messages': { dialect: 'anthropic', streamsByDefault: false, body: 'json' },
  '/v1/audio/transcriptions': { dialect: 'openai', streamsByDefault: false, body: 'multipart' },
  '/v1/images/generations': { dialect: 'openai', streamsByDefault: false, body: 'json' },
  // Every Ollama that has this endpoint (removed in 0.32.6) reads JSON. submission.ts reads a form if the Content-Type
  // says so.
  '/v1/images/edits': { dialect: 'openai', streamsByDefault: false, body: 'json' },
} as const satisfies Record<string, Endpoint>

export type EndpointPath = keyof typeof ENDPOINTS

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
