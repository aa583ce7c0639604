// Request that loads the embedder and pins it, and the meaning of its answer. Checked with 0.17.4: an empty input loads the model
// and is answered with `"embeddings":[]`, and `keep_alive: -1` sets `expires_at` centuries ahead.

import type { Bounds, Reply } from './question.ts'
import type { TargetRequest } from './target.ts'

/** Ollama gives up a load that makes no progress for 5 min; on a slow disk a load may take longer than that in all. */
export const WARM_BOUNDS: Bounds = { deadlineMs: 15 * 60_000, maxBytes: 4 * 1024 ** 2 }

export function warmRequest(model: string): TargetRequest {
  return {
    method: 'POST',
    path: '/api/embed',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model, input: '', keep_alive: -1 })),
  }
}

/** Returns null if the embedder is loaded and pinned, else why not. */
export function warmFailure(reply: Reply): string | null {
  if (reply.kind === 'failed') return reply.reason
  if (reply.status === 200) return null
  return `HTTP ${reply.status}: ${reply.body.toString('utf8', 0, 200)}`
}
