// Owns one piece of work that a client has for foreman: the body that it sends, and the hash of what has to reach the model.
// Pure, but for the hash.

import { createHash } from 'node:crypto'
import type { JobState } from '../../src/protocol/wire.ts'

export interface Work {
  readonly ref: string
  readonly endpoint: '/api/chat' | '/api/generate' | '/v1/chat/completions'
  /** What the model gets, byte for byte. */
  readonly body: string
  readonly hash: string
  /** Idempotency-Key. */
  readonly key: string | null
  readonly receiver: string | null
  /** Null: all. */
  readonly states: readonly JobState[] | null
}

export interface Wanted {
  readonly ref: string
  readonly model?: string
  readonly endpoint?: Work['endpoint']
  readonly stream?: boolean
  readonly prompt?: string
  readonly key?: string | null
  readonly receiver?: string | null
  readonly states?: readonly JobState[] | null
}

export const STATES: readonly JobState[] = ['queued', 'loading', 'working', 'done', 'failed', 'cancelled']

export function workOf({ ref, model = 'tiny-a', endpoint = '/api/chat', stream = true, ...more }: Wanted): Work {
  const { prompt = 'hi', key = null, receiver = null, states = null } = more
  const content = `${ref}: ${prompt}`
  const asked = endpoint === '/api/generate' ? { prompt: content } : { messages: [{ role: 'user', content }] }
  // The number would not survive being parsed and written again.
  const body = `{"model":${JSON.stringify(model)},"seed":12345678901234567890,${JSON.stringify({ ...asked, stream }).slice(1)}`
  const hash = createHash('sha256').update(body).digest('hex')
  return { ref, endpoint, body, hash, key, receiver, states }
}

/** The body of `POST /jobs`: foreman's own keys behind the rest. */
export function jobBodyOf({ ref, endpoint, body, receiver, states }: Work): string {
  const own = {
    ...{ label: ref, endpoint },
    ...(receiver === null ? {} : { state_webhook_url: receiver }),
    ...(receiver === null || states === null ? {} : { webhook_events: states }),
  }
  return `${body.slice(0, -1)},${JSON.stringify(own).slice(1)}`
}

/** The changes that somebody is to be told of; null: nobody. */
export const toldOf = ({ receiver, states }: Work): readonly JobState[] | null =>
  receiver === null ? null : (states ?? STATES)
