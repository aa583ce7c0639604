// `GET /healthz` and `GET /readyz`. Health is that of the daemon: a target that sleeps makes it degraded, never unhealthy.

import { LOOP_REASON } from '../../domain/hop.ts'
import type { Call } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { FRESH, sendJson } from '../respond.ts'

export function sendHealth({ context, res }: Call): void {
  sendJson(res, 200, healthDocument(context), FRESH)
}

export function sendReadiness({ context: { phase }, res }: Call): void {
  sendJson(res, phase === 'ready' ? 200 : 503, { status: phase }, FRESH)
}

/** Why the target is unreachable is not shown, because the route needs no token. A loop is shown, because a health check must find it. */
function healthDocument({ prober }: HttpContext): { status: 'ok'; degraded: boolean; reason?: string } {
  const { reachable, reason } = prober.status
  const loop = reason === LOOP_REASON ? { reason } : {}
  return { status: 'ok', degraded: reachable === false, ...loop }
}
