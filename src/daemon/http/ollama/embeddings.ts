// Embedding routes: they go to the target at once, past the queue, at most FOREMAN_EMBED_CONCURRENCY at a time. At most
// FOREMAN_EMBED_QUEUE more wait for a slot; the next one gets a 503.

import type { Call } from '../call.ts'
import { ownError } from '../respond.ts'
import { forward, requestOf } from './forward.ts'

export async function embed(call: Call): Promise<void> {
  const { metrics, target } = call.context
  const { embedSlots: slots } = call.shared
  const full = (): void => {
    metrics.inc('embedsRefused')
    call.refuse(ownError('embed_queue_full'))
  }
  if (slots.isFull) return full()
  const received = await call.body()
  if (received === null) return
  const { body, release } = received
  const request = requestOf(call, body)
  const onOver = (): void => {
    release()
    slots.release()
    metrics.add('embedding', -1)
    metrics.set('embedsWaiting', slots.waiting)
  }
  const go = (): void => {
    metrics.inc('embeds')
    metrics.inc('embedding')
    forward(call, request, { onOver, send: (sink) => target.sendEmbedding(request, sink) })
  }
  const acquired = slots.acquire(go)
  if (acquired === 'now') return
  if (acquired === 'full') {
    release()
    return full()
  }
  metrics.set('embedsWaiting', slots.waiting)
  call.res.on('close', () => {
    if (!slots.leave(go)) return
    release()
    metrics.set('embedsWaiting', slots.waiting)
  })
}
