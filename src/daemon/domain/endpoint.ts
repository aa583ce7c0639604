// Owns the table of the target's endpoints that run a worker model, and what an answer of each looks like. Pure.
// The path sent to the target is a key of this table, never a caller's string (a path that a proxy hands on is a bypass).

/** Whose errors, beats and records an endpoint speaks. */
export type Dialect = 'native' | 'openai' | 'anthropic' | 'responses'

export interface Endpoint {
  readonly dialect: Dialect
  /** Whether an absent `stream` means a streamed answer. */
  readonly streamsByDefault: boolean
  /** How the request body carries its model. */
  readonly body: 'json' | 'multipart'
  /** Native endpoints that load, or unload, when there is nothing to say: the key that says something. */
  readonly saysWith?: 'messages' | 'prompt'
}

export const ENDPOINTS = {
  '/api/chat': { dialect: 'native', streamsByDefault: true, body: 'json', saysWith: 'messages' },
  '/api/generate': { dialect: 'native', streamsByDefault: true, body: 'json', saysWith: 'prompt' },
  '/v1/chat/completions': { dialect: 'openai', streamsByDefault: false, body: 'json' },
  '/v1/completions': { dialect: 'openai', streamsByDefault: false, body: 'json' },
  '/v1/responses': { dialect: 'responses', streamsByDefault: false, body: 'json' },
  // A compaction of a conversation, since 0.34: up to three runs of the model, one JSON document at the end.
  '/v1/responses/compact': { dialect: 'responses', streamsByDefault: false, body: 'json' },
  '/v1/messages': { dialect: 'anthropic', streamsByDefault: false, body: 'json' },
  '/v1/audio/transcriptions': { dialect: 'openai', streamsByDefault: false, body: 'multipart' },
  '/v1/images/generations': { dialect: 'openai', streamsByDefault: false, body: 'json' },
  // JSON to every Ollama that has it (gone again since 0.32.6); a form is read by its Content-Type, see submission.ts.
  '/v1/images/edits': { dialect: 'openai', streamsByDefault: false, body: 'json' },
} as const satisfies Record<string, Endpoint>

export type EndpointPath = keyof typeof ENDPOINTS

/** The shape of an answer on the wire: one JSON document, lines of JSON, or server-sent events. */
export type AnswerForm = 'json' | 'ndjson' | 'sse'

/** The form an answer will have, known before the target has said anything (what the commit of §3.4 needs). */
export function answerForm(path: EndpointPath, stream: boolean, loadOnly: boolean): AnswerForm {
  if (!stream || loadOnly) return 'json'
  return ENDPOINTS[path].dialect === 'native' ? 'ndjson' : 'sse'
}

/** The content type of each form, letter for letter as Ollama writes it. */
export function contentTypeOf(form: AnswerForm, dialect: Dialect): string {
  if (form === 'ndjson') return 'application/x-ndjson'
  if (form === 'sse') return 'text/event-stream'
  return dialect === 'native' ? 'application/json; charset=utf-8' : 'application/json'
}
