// Request that a client sends in the proof: its body, and the hash of what must reach the model.

import { createHash } from 'node:crypto'
import type { JobState } from '../../src/protocol/wire.ts'

export interface Work {
  readonly ref: string
  readonly endpoint: '/api/chat' | '/api/generate' | '/v1/chat/completions'
  /** What the model must receive, byte for byte. */
  readonly body: string
  readonly hash: string
  /** Idempotency-Key. */
  readonly key: string | null
  readonly receiver: string | null
  /** Null for all states. */
  readonly states: readonly JobState[] | null
}

export interface WorkOptions {
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

export function workOf({ ref, model = 'tiny-a', endpoint = '/api/chat', stream = true, ...more }: WorkOptions): Work {
  const { prompt = 'hi', key = null, receiver = null, states = null } = more
  const content = `${ref}: ${prompt}`
  const asked = endpoint === '/api/generate' ? { prompt: content } : { messages: [{ role: 'user', content }] }
  // A parser would change this number, so the hash shows whether the body was parsed and written again.
  const body = `{"model":${JSON.stringify(model)},"seed":12345678901234567890,${JSON.stringify({ ...asked, stream }).slice(1)}`
  const hash = createHash('sha256').update(body).digest('hex')
  return { ref, endpoint, body, hash, key, receiver, states }
}

/** Returns the body of `POST /jobs`: foreman's keys come after the others. */
export function jobBodyOf({ ref, endpoint, body, receiver, states }: Work): string {
  const own = {
    ...{ label: ref, endpoint },
    ...(receiver === null ? {} : { state_webhook_url: receiver }),
    ...(receiver === null || states === null ? {} : { webhook_events: states }),
  }
  return `${body.slice(0, -1)},${JSON.stringify(own).slice(1)}`
}

/** Returns the states for which a webhook is sent, or null without a receiver. */
export const webhookStatesOf = ({ receiver, states }: Work): readonly JobState[] | null =>
  receiver === null ? null : (states ?? STATES)
