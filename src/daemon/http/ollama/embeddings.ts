// Owns the embedding routes: past the queue, to the target at once, at most FOREMAN_EMBED_CONCURRENCY at a time. Never
// behind a chat, and never more in line than a bound: then a 503 is the honest answer.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { ownError, refuse } from '../respond.ts'
import type { Route } from '../routes.ts'
import type { Semaphore } from '../semaphore.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

export async function embed(
  context: HttpContext,
  bodies: RequestBodies,
  slots: Semaphore,
  route: Route,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const full = (): void => {
    context.metrics.embedRefused()
    refuse(context, res, route.surface, ownError('embed_queue_full'))
  }
  if (slots.isFull) return full()
  const read = await bodies.read(req, res)
  if (read.kind === 'gone') return
  if (read.kind === 'refused') return refuse(context, res, route.surface, read.error)
  const { body, release } = read
  const request = { method: 'POST', path: route.path, headers: forwardedHeaders(req.headers), body }
  const go = (): void => {
    context.metrics.embedStarted()
    const onOver = (): void => {
      release()
      slots.release()
      context.metrics.embedEnded()
      context.metrics.embedsWaiting(slots.waiting)
    }
    forward({
      context,
      res,
      surface: route.surface,
      request,
      onOver,
      send: (sink) => context.target.sendEmbedding(request, sink),
    })
  }
  const taken = slots.acquire(go)
  if (taken === 'now') return
  if (taken === 'full') {
    release()
    return full()
  }
  context.metrics.embedsWaiting(slots.waiting)
  res.on('close', () => {
    if (!slots.leave(go)) return
    release()
    context.metrics.embedsWaiting(slots.waiting)
  })
}
