// The bytes of a job as they are sent: its body, with a `keep_alive` where it takes one.

import { ENDPOINTS } from '../domain/endpoint.ts'
import type { Job } from '../domain/job.ts'
import type { ResidentModel } from '../domain/target-status.ts'
import { takesKeepAlive, withKeepAlive } from '../request/keep-alive.ts'
import { runAtOnce, type Slices } from '../text/slices.ts'

/** Copying this many bytes is too fast to be worth a turn of the event loop. */
const SMALL_BODY_BYTES = 1024 * 1024

/**
 * Returns a promise only for a large body: copying it must not block the event loop.
 *
 * @param keepAlive FOREMAN_KEEP_ALIVE; null if it is `none`
 * @param resident models of the latest `/api/ps`
 */
export function bodyToSend(
  job: Job,
  body: Uint8Array,
  keepAlive: string | null,
  resident: readonly ResidentModel[],
  now: number,
): Uint8Array | Promise<Uint8Array> {
  if (keepAlive === null || !takesKeepAlive(job, keepAlive, resident, now)) return body
  const edited = withKeepAlive(body, keepAlive)
  return body.length <= SMALL_BODY_BYTES ? runAtOnce(edited) : inTurns(edited)
}

/**
 * Whether the job may change what the target holds, or for how long: it loads its model, or carries a keep_alive of its
 * own.
 */
export function mayChangeResident({ endpoint, state, lacksKeepAlive }: Job): boolean {
  const { saysWith } = ENDPOINTS[endpoint]
  return state === 'loading' || (saysWith !== undefined && !lacksKeepAlive)
}

/** Lets the event loop run between two slices. */
async function inTurns<T>(work: Slices<T>): Promise<T> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    await new Promise((resolve) => setImmediate(resolve))
  }
}
