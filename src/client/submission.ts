// One submit until foreman has acknowledged it. Retries use the same Idempotency-Key, so that only one job is created.

import type { ReceiptDocument } from '../protocol/wire.ts'
import { CallDeadline } from './call-deadline.ts'
import type { Connection } from './connection.ts'
import { ApiError, UnreachableError } from './error.ts'

export interface Submitting {
  readonly body: string | Uint8Array
  readonly idempotencyKey?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

export interface Submitted {
  readonly receipt: ReceiptDocument
  /** Whether the key belonged to an existing job. */
  readonly isReplayed: boolean
}

const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 4_000

export async function submitted(connection: Connection, submitting: Submitting): Promise<Submitted> {
  const { body, signal, timeoutMs, idempotencyKey = newKey() } = submitting
  const late = (): Error => new UnreachableError(`no answer from ${connection.url}: no receipt within ${timeoutMs} ms`)
  const patience = new CallDeadline(signal, timeoutMs, late)
  const deadline = performance.now() + timeoutMs
  try {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      try {
        return await once(connection, body, idempotencyKey, patience)
      } catch (error) {
        const wait = pauseAfter(error, pause)
        // Fail now if the deadline would pass during the pause.
        if (wait === null || performance.now() + wait >= deadline) throw error
        await patience.sleep(wait)
      }
    }
  } finally {
    patience.dispose()
  }
}

async function once(connection: Connection, body: string | Uint8Array, key: string, patience: CallDeadline) {
  const isReceipt = (it: Readonly<Record<string, unknown>>): boolean =>
    typeof it['job_id'] === 'string' && typeof it['state'] === 'string'
  const { document, response } = await connection.document<ReceiptDocument>('POST', '/jobs', isReceipt, {
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body,
    signal: patience.signal,
    timeoutMs: Number.POSITIVE_INFINITY,
  })
  return { receipt: document, isReplayed: response.headers.get('idempotent-replayed') === 'true' }
}

/** Returns null if a retry would get the same answer. */
function pauseAfter(error: unknown, pause: number): number | null {
  const jittered = pause * (0.75 + Math.random() / 2)
  if (error instanceof UnreachableError) return jittered
  if (error instanceof ApiError && error.status === 503) return Math.max(error.retryAfterMs ?? 0, jittered)
  return null
}

/** A random Idempotency-Key. Not randomUUID, which exists only on https and localhost pages. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
