// `Prefer: wait=N` (RFC 7240), N in seconds: reads the header, and waits for the end of a job. The wait leaves no timer,
// subscription or listener behind, and a caller that hangs up ends only its own wait.

import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { isFinal } from '../../domain/job.ts'
import type { HttpContext } from '../context.ts'

/** The longest wait that is granted, in seconds. */
export const MAX_WAIT_S = 60

/** A preference: a name, an optional value, and optional parameters after semicolons, which `wait` does not have. */
const PREFERENCE = /[\s,]*([!#$%&'*+.^`|~\w-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?([^,"]|"(?:[^"\\]|\\.)*")*/y

/**
 * How long the caller would wait, in seconds, at most MAX_WAIT_S. The first of two preferences counts. Returns null
 * if there is none or it does not parse: a preference is never an error.
 */
export function preferredWait(headers: IncomingHttpHeaders): number | null {
  // Node's names are in lower case; its types do not know this one.
  const { prefer: raw } = headers as { readonly prefer?: string | string[] }
  const text = Array.isArray(raw) ? raw.join(', ') : (raw ?? '')
  PREFERENCE.lastIndex = 0
  for (let found = PREFERENCE.exec(text); found !== null; found = PREFERENCE.exec(text)) {
    const [, name = '', value = ''] = found
    if (name.toLowerCase() !== 'wait') continue
    const digits = /^"?(\d{1,15})"?$/.exec(value)?.[1]
    return digits === undefined ? null : Math.min(MAX_WAIT_S, Number(digits))
  }
  return null
}

/** The header that confirms a wait. */
export const waitApplied = (seconds: number): Record<string, string> => ({ 'Preference-Applied': `wait=${seconds}` })

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
