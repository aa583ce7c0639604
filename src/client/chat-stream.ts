// Streamed chat as a waiting call: the records of the answer as they arrive. Throws if the answer is incomplete.

import { isJsonObject, jsonObject } from '../protocol/json.ts'
import { type Connection, foreign } from './connection.ts'
import { ApiError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import type { JobBody } from './job-body.ts'
import { linesOf } from './line-reader.ts'

/** Request body of `/api/chat`. Other keys are passed to Ollama unchanged. */
export type ChatBody = JobBody

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

export function chatStream(connection: Connection, body: ChatBody, options: ChatOptions): Iteration<ChatRecord> {
  const { timeoutMs = Number.POSITIVE_INFINITY } = options
  return iteration(options.signal, ({ signal }) => {
    const headers = { accept: 'application/x-ndjson' }
    const request = { headers, body: { ...body, stream: true }, signal, timeoutMs }
    return connection.stream('POST', CHAT, request, async function* (bytes) {
      for await (const line of linesOf(bytes)) {
        const record = chatRecord(connection.url, line)
        yield record
        if (record.done) return
      }
      throw new ApiError('the answer ended before it was complete', 200, 'incomplete_stream')
    })
  })
}

function chatRecord(url: string, line: string): ChatRecord {
  const record = jsonObject(line)
  if (record === null) throw foreign(url)
  if (typeof record['error'] === 'string') throw new ApiError(record['error'], 200, null)
  if (!isJsonObject(record['message']) && record['done'] !== true) throw foreign(url)
  return record as unknown as ChatRecord
}
