// Request that unloads one model of the target, and the meaning of its answer. A generate without a prompt and with
// `keep_alive: 0` is what `ollama stop` sends; it works for embedders as well (server/routes.go, 0.17.4 and 0.34.4).

import type { Bounds, Reply } from './question.ts'
import type { TargetRequest } from './target.ts'

/** Ollama answers at once, even if the model is in use: it is then unloaded at the end of that use. */
export const UNLOAD_BOUNDS: Bounds = { deadlineMs: 10_000, maxBytes: 64 * 1024 }

export function unloadRequest(model: string): TargetRequest {
  return {
    method: 'POST',
    path: '/api/generate',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model, keep_alive: 0 })),
  }
}

/** Returns null if the target accepted it, else why not. */
export function unloadFailure(reply: Reply): string | null {
  if (reply.kind === 'failed') return reply.reason
  return reply.status === 200 ? null : `HTTP ${reply.status}: ${reply.body.toString('utf8', 0, 200)}`
}
