// The question what a model is made of, asked by foreman itself.

import type { Bounds } from './question.ts'
import type { TargetRequest } from './target.ts'

/** A model with the longest licences and templates shows less than a MiB. */
export const SHOW_BOUNDS: Bounds = { deadlineMs: 10_000, maxBytes: 8 * 1024 ** 2 }

export function showRequest(model: string): TargetRequest {
  return {
    method: 'POST',
    path: '/api/show',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model })),
  }
}
