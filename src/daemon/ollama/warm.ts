// Owns the request that loads the embedder and pins it, and what its answer means. Checked with 0.17.4: an empty input
// loads and answers `"embeddings":[]`, and `keep_alive: -1` puts `expires_at` centuries away.

import type { Bounds, Reply } from './question.ts'
import type { TargetRequest } from './target.ts'

/** Ollama gives up a load that makes no progress for 5 min; a slow disk may take longer than that in all. */
export const WARM_BOUNDS: Bounds = { deadlineMs: 15 * 60_000, maxBytes: 4 * 1024 ** 2 }

export function warmRequest(model: string): TargetRequest {
  return {
    method: 'POST',
    path: '/api/embed',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model, input: '', keep_alive: -1 })),
  }
}

/** Null: it is loaded and pinned. Else why not. */
export function warmFailure(reply: Reply): string | null {
  if (reply.kind === 'failed') return reply.reason
  if (reply.status === 200) return null
  return `HTTP ${reply.status}: ${reply.body.toString('utf8', 0, 200)}`
}
