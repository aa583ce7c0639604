// One submit until foreman has acknowledged it. Retries use the same Idempotency-Key, so that only one job is created.

import { toHex } from '../protocol/bytes.ts'
import type { ReceiptDocument } from '../protocol/wire.ts'
import { type Connection, isJob, type RequestOptions } from './connection.ts'
import { ApiError, UnreachableError } from './error.ts'

export interface Submitted {
  readonly receipt: ReceiptDocument
  /** Whether the key belonged to an existing job. */
  readonly isReplayed: boolean
}

const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 4_000

export async function submitted(
  connection: Connection,
  body: string | Uint8Array,
  key: string,
  { signal, timeoutMs = connection.timeoutMs }: RequestOptions,
): Promise<Submitted> {
  const deadline = connection.deadline(signal, timeoutMs, 'receipt')
  const endsAt = performance.now() + timeoutMs
  const headers = { 'idempotency-key': key }
  const request = { headers, body, signal: deadline.signal, timeoutMs: Number.POSITIVE_INFINITY }
  try {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      try {
        return await connection.read('POST', '/jobs', request, async (response) => ({
          receipt: await connection.documentIn<ReceiptDocument>(response, isJob),
          isReplayed: response.headers.get('idempotent-replayed') === 'true',
        }))
      } catch (error) {
        const wait = pauseAfter(error, pause)
        // Fail now if the deadline would pass during the pause.
        if (wait === null || performance.now() + wait >= endsAt) throw error
        await deadline.sleep(wait)
      }
    }
  } finally {
    deadline.dispose()
  }
}

/** Returns null if a retry would get the same answer. */
function pauseAfter(error: unknown, pause: number): number | null {
  const jittered = pause * (0.75 + Math.random() / 2)
  if (error instanceof UnreachableError) return jittered
  if (error instanceof ApiError && error.status === 503) return Math.max(error.retryAfterMs ?? 0, jittered)
  return null
}

/** A random Idempotency-Key. Not randomUUID, which exists only on https and localhost pages. */
export const newKey = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)))
