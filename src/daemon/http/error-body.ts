// Error bodies of each surface, byte for byte as Ollama writes them: as a whole answer, and as the last record of a stream
// that has begun. Also the heartbeats that keep a silent connection open.

import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { ErrorCode } from '../../protocol/error.ts'
import { jsonObject } from '../../protocol/json.ts'
import type { AnswerForm, Dialect } from '../domain/endpoint.ts'
import { hasChange } from '../domain/ollama-version.ts'
import type { Speaker } from '../request/ollama-error.ts'
import { goJson } from '../text/json.ts'

export type Surface = Dialect | 'jobs'

/** openai.NewError of Ollama. */
function openaiType(status: number): string {
  if (status === 400) return 'invalid_request_error'
  return status === 404 ? 'not_found_error' : 'api_error'
}

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  529: 'overloaded_error',
}

/** anthropic.NewError of Ollama. */
const anthropicType = (status: number): string => ANTHROPIC_TYPES[status] ?? 'api_error'

const openaiError = (message: string, type: string, code: string | null = null) => {
  return { message, type, param: null, code }
}

/**
 * An error as a whole answer. On `/v1` the form depends on the part of Ollama that writes it. The compatibility layer writes
 * the true type. An error of the handler behind it is rewritten with a line feed, and before 0.18.0 its type was always
 * `api_error`. Without `speaker`, a 400 is taken as the layer's.
 */
export function errorBody(
  surface: Surface,
  status: number,
  message: string,
  code: ErrorCode | null,
  version: string,
  speaker: Speaker = status === 400 ? 'layer' : 'handler',
): { readonly contentType: string; readonly body: string } {
  if (surface === 'native' || speaker === 'decoder')
    return { contentType: 'application/json; charset=utf-8', body: goJson({ error: message }) }
  if (surface === 'jobs') {
    const named = code ?? (status === 400 ? 'bad_request' : 'target_error')
    return { contentType: 'application/json', body: goJson({ error: message, code: named }) }
  }
  const isRewritten = speaker === 'handler'
  const framed = (value: unknown) =>
    isRewritten
      ? { contentType: 'application/json', body: `${goJson(value)}\n` }
      : { contentType: 'application/json; charset=utf-8', body: goJson(value) }
  if (surface === 'anthropic') {
    const request_id = `req_${randomBytes(12).toString('hex')}`
    return framed({ type: 'error', error: { type: anthropicType(status), message }, request_id })
  }
  if (speaker === 'compaction') return framed({ error: openaiError(message, openaiType(status), openaiType(status)) })
  const losesType = isRewritten && code === null && !hasChange(version, 'typedErrors')
  return framed({ error: openaiError(message, losesType ? 'api_error' : openaiType(status)) })
}

/**
 * The error record that ends a stream; the connection is then cut. Empty on plain JSON, where clients take an error in a 200
 * for an answer: there only the cut shows the failure.
 */
export function errorRecord(
  dialect: Dialect,
  form: AnswerForm,
  status: number,
  message: string,
  code: ErrorCode | null,
): Buffer {
  if (form === 'json') return Buffer.alloc(0)
  if (form === 'ndjson') return Buffer.from(`${goJson({ error: message })}\n`)
  const error = openaiError(message, openaiType(status))
  if (dialect === 'anthropic') {
    return event('error', { type: 'error', error: { type: anthropicType(status), message } })
  }
  if (dialect === 'responses') {
    // One record for two kinds of clients: Codex reads `response.failed`, and OpenAI's SDKs throw on a top-level `error`.
    const response = { object: 'response', status: 'failed', error: { code: code ?? 'server_error', message } }
    return event('response.failed', { type: 'response.failed', response, error })
  }
  return Buffer.from(`data: ${goJson({ error })}\n\n`)
}

/** Errors of the target are shorter. A longer one is sent again, which is harmless: clients stop at the first. */
const MAX_SEARCHED_BYTES = 64 * 1024

/**
 * Whether `chunk`, the last bytes of an event stream, holds an error event that the clients of `dialect` recognise. They skip
 * an error in any other form: a bare line between events, or an unnamed event on /v1/messages.
 */
export function hasErrorEvent(dialect: Dialect, chunk: Buffer): boolean {
  const text = chunk.toString('utf8', Math.max(0, chunk.length - MAX_SEARCHED_BYTES))
  return text.split(/\r?\n\r?\n/).some((event) => isError(dialect, event.split(/\r?\n/)))
}

function isError(dialect: Dialect, lines: readonly string[]): boolean {
  const document = jsonObject(lines.flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : [])).join('\n'))
  if (document === null) return false
  // Anthropic's clients look only at the event's name, and drop an event without one.
  if (dialect === 'anthropic') return lines.some((line) => /^event: ?error$/.test(line))
  // Codex looks only at this type.
  if (dialect === 'responses') return document['type'] === 'response.failed'
  return (document['error'] ?? null) !== null
}

const event = (name: string, data: unknown): Buffer => Buffer.from(`event: ${name}\ndata: ${goJson(data)}\n\n`)

const SPACE = Buffer.from(' ')
const COMMENT = Buffer.from(': waiting\n\n')
const PING = event('ping', { type: 'ping' })

/**
 * A heartbeat, for a connection on which nothing is sent. A space, never a blank line: Python's and Go's clients fail on one
 * (24 clients measured). On event streams it is a comment, which every parser drops; on Anthropic's, its own ping.
 */
export function beat(dialect: Dialect, form: AnswerForm): Buffer {
  if (form !== 'sse') return SPACE
  return dialect === 'anthropic' ? PING : COMMENT
}

/** Where Go's phrase is another than Node's, or Node has none. */
const REASONS: Readonly<Record<number, string>> = { 413: 'Request Entity Too Large', 499: 'Client Closed Request' }

/** The reason phrase of the status line. Some clients show nothing else (ollama-ai-provider-v2). */
export const reasonPhrase = (status: number): string => REASONS[status] ?? STATUS_CODES[status] ?? 'Error'
