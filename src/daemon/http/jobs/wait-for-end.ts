// Wait for the end of a job, for a caller that sent `Prefer: wait`. It leaves no timer, subscription or listener behind, and
// a caller that hangs up ends only its own wait.

import type { ServerResponse } from 'node:http'
import { isFinal } from '../../domain/job.ts'
import type { HttpContext } from '../context.ts'

/** How often the wait checks for shutdown: well within the second in which the port still answers. */
const CHECK_MS = 500

/**
 * Returns whether the job is over, now or after at most `ms`. Returns false early if the job is unknown, foreman stops, or the
 * caller of `res` has hung up. Rejects if the store does.
 */
export async function waitForEnd(context: HttpContext, id: string, ms: number, res: ServerResponse): Promise<boolean> {
  const { clock, relay, store } = context
  const { promise: left, resolve: leave } = Promise.withResolvers<void>()
  // Subscribed before the store is asked, so that an end in between is not missed.
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
    else timer = clock.after(Math.min(CHECK_MS, leftMs), tick)
  }
  let timer = clock.after(Math.min(CHECK_MS, ms), tick)
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
