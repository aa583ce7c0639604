// Streamed chat as a waiting call: the records of the answer as they arrive. Throws if the answer is incomplete.

import { type Connection, foreign, isObject, parsedJson } from './connection.ts'
import { ApiError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import { linesOf } from './line-reader.ts'

/** Request body of `/api/chat`. Other keys are passed to Ollama unchanged. */
export interface ChatBody {
  /** The model, such as `qwen3:14b`. Must not be empty. */
  readonly model: string
  /** Ollama's messages: `{ role, content }`. */
  readonly messages?: readonly unknown[]
  readonly [key: string]: unknown
}

/** One record of `/api/chat`, as Ollama wrote it. */
export interface ChatRecord {
  readonly model: string
  readonly message: { readonly role: string; readonly content: string; readonly [key: string]: unknown }
  /** True in the last record, which also has the token counts. */
  readonly done: boolean
  /** Why the model stopped, such as `stop` or `length`. Present in the last record. */
  readonly done_reason?: string
  readonly [key: string]: unknown
}

export interface ChatOptions {
  /** Ends the call, and thereby the job. The call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Time limit in milliseconds for the whole answer, time in the queue included. Default: no limit. */
  readonly timeoutMs?: number | undefined
}

export const CHAT = '/api/chat'
export const JSON_BODY = { 'content-type': 'application/json' } as const

export function chatStream(
  connection: Connection,
  body: ChatBody,
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: ChatOptions,
): Iteration<ChatRecord> {
  return iteration(signal, async function* (patience) {
    const answer = await connection.open('POST', CHAT, {
      headers: { ...JSON_BODY, accept: 'application/x-ndjson' },
      body: JSON.stringify({ ...body, stream: true }),
      signal: patience.signal,
      timeoutMs,
    })
    try {
      const { body: bytes } = answer.response
      if (bytes === null) throw foreign(connection.url)
      for await (const line of linesOf(bytes, () => undefined)) {
        const record = chatRecord(connection.url, line)
        yield record
        if (record.done) return
      }
      throw new ApiError('the answer ended before it was complete', 200, 'incomplete_stream')
    } catch (error) {
      throw connection.failureOf(error, answer.patience)
    } finally {
      answer.close()
    }
  })
}

function chatRecord(url: string, line: string): ChatRecord {
  const record = parsedJson(line)
  if (!isObject(record)) throw foreign(url)
  if (typeof record['error'] === 'string') throw new ApiError(record['error'], 200, null)
  if (!isObject(record['message']) && record['done'] !== true) throw foreign(url)
  return record as unknown as ChatRecord
}
