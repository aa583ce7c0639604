// Paths for the requests of the table of errors, with a valid body for each.

import { CHAT } from './jobs/submission.ts'

export type Shape = 'native' | 'openai' | 'anthropic' | 'jobs'

/** Where a row is tested: a path, and the form of its errors. */
export interface Place {
  readonly path: string
  readonly shape: Shape
  readonly body: object
}

const MESSAGES = CHAT.messages
export const LIVE: readonly Place[] = [
  { path: '/api/chat', shape: 'native', body: CHAT },
  { path: '/api/generate', shape: 'native', body: { model: 'tiny-a', prompt: 'hi' } },
  { path: '/v1/chat/completions', shape: 'openai', body: CHAT },
  { path: '/v1/responses', shape: 'openai', body: { model: 'tiny-a', input: 'hi' } },
  { path: '/v1/messages', shape: 'anthropic', body: { model: 'tiny-a', max_tokens: 9, messages: MESSAGES } },
]
export const JOBS: readonly Place[] = [{ path: '/jobs', shape: 'jobs', body: CHAT }]
export const EMBEDDINGS: readonly Place[] = [
  { path: '/api/embed', shape: 'native', body: { model: 'tiny-embed', input: 'hi' } },
  { path: '/v1/embeddings', shape: 'openai', body: { model: 'tiny-embed', input: 'hi' } },
]
export const COUNT: readonly Place[] = [
  { path: '/v1/messages/count_tokens', shape: 'anthropic', body: { model: 'tiny-a', messages: MESSAGES } },
]
export const DIRECT: readonly Place[] = [...EMBEDDINGS, ...COUNT]
export const READING = [...LIVE, ...JOBS]
export const EVERYWHERE = [...READING, ...EMBEDDINGS]
