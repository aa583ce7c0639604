// Owns the wait for a job's end, on behalf of a caller who said how long. It leaves no timer, no watcher and no listener
// behind, and whoever leaves it ends nothing but his own wait.

import type { ServerResponse } from 'node:http'
import { isFinal } from '../../domain/job.ts'
import type { HttpContext } from '../context.ts'

/** How often it looks whether foreman stops: a caller is told within the second that the port stays open. */
const LOOK_MS = 500

/**
 * True: the job is over, now or after at most `ms`. False: it is not, it is not there, foreman stops, or the caller of `res`
 * has hung up. Rejects with the store.
 */
export async function waitForEnd(context: HttpContext, id: string, ms: number, res: ServerResponse): Promise<boolean> {
  const { clock, relay, store } = context
  const { promise: left, resolve: leave } = Promise.withResolvers<void>()
  // Watched before it is looked up: an end in between would be missed.
  const watch = relay.watch(id, {
    changed: ({ state }) => isFinal(state) && leave(),
    record: () => {},
  })
  const onClose = (): void => leave()
  res.on('close', onClose)
  const until = clock.monotonic() + ms
  const tick = (): void => {
    const leftMs = until - clock.monotonic()
    if (leftMs <= 0 || context.phase === 'stopping' || res.destroyed) leave()
    else timer = clock.after(Math.min(LOOK_MS, leftMs), tick)
  }
  let timer = clock.after(Math.min(LOOK_MS, ms), tick)
  try {
    const isOver = async (): Promise<boolean> => {
      const job = await store.get(id)
      if (job === null) leave()
      return job !== null && isFinal(job.state)
    }
    if (await isOver()) return true
    if (ms <= 0) return false
    await left
    return !res.destroyed && (await isOver())
  } finally {
    timer.cancel()
    watch.close()
    res.off('close', onClose)
  }
}
