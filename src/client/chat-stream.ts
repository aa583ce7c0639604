// Owns a blocked, streamed chat: the records of the target's answer as they come. An answer that is not whole never ends
// as if it were.

import { type Connection, foreign, isObject, parsedJson } from './connection.ts'
import { ApiError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import { linesOf } from './line-reader.ts'

/** A request of `/api/chat`. What is not named here is passed on all the same. */
export interface ChatBody {
  readonly model: string
  readonly messages?: readonly unknown[]
  readonly [key: string]: unknown
}

/** A record of `/api/chat`, as the target wrote it. */
export interface ChatRecord {
  readonly model: string
  readonly message: { readonly role: string; readonly content: string; readonly [key: string]: unknown }
  /** True in the last one, which has the counts. */
  readonly done: boolean
  readonly done_reason?: string
  readonly [key: string]: unknown
}

export interface ChatOptions {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for the whole answer, the queue included. Default: no limit. */
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
