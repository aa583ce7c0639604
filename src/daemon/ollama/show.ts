// Request for the details of a model (/api/show), for foreman itself.

import type { Bounds } from './question.ts'
import type { TargetRequest } from './target.ts'

/** The answer for a model with the longest licences and templates is smaller than 1 MiB. */
export const SHOW_BOUNDS: Bounds = { deadlineMs: 10_000, maxBytes: 8 * 1024 ** 2 }

export function showRequest(model: string): TargetRequest {
  return {
    method: 'POST',
    path: '/api/show',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model })),
  }
}
