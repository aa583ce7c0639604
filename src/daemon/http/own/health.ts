// Routes of foreman's own: health, readiness, status, metrics, pause, resume, backup. Health is that of the daemon: a target that
// sleeps makes it degraded, never ill.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { LOOP_REASON } from '../../domain/hop.ts'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { JSON_TYPE, send, sendJson } from '../respond.ts'
import type { BackupDownloads } from './backup.ts'
import { openApiDocument } from './openapi/document.ts'
import { pauseQueue, resumeQueue } from './pause.ts'
import { statusDocument } from './status.ts'

export async function answerOwn(
  context: HttpContext,
  bodies: RequestBodies,
  backups: BackupDownloads,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const fresh = { 'Cache-Control': 'no-store' }
  switch (path) {
    case '/healthz':
      return sendJson(res, 200, healthDocument(context), fresh)
    case '/readyz':
      return sendJson(res, context.phase === 'ready' ? 200 : 503, { status: context.phase }, fresh)
    case '/status':
      return sendJson(res, 200, await statusDocument(context), fresh)
    case '/metrics': {
      const { contentType, body } = await context.metrics.render()
      return send(res, 200, contentType, body, fresh)
    }
    case '/openapi.json':
      return send(res, 200, JSON_TYPE, openApiText())
    case '/backup':
      return backups.send(context, res)
    case '/pause':
      return pauseQueue(context, bodies, req, res)
    default:
      return resumeQueue(context, res)
  }
}

let kept: string | null = null

/** Written when it is first asked for: a start is not slower by it. */
function openApiText(): string {
  kept ??= JSON.stringify(openApiDocument())
  return kept
}

/** Why the target is not reachable stays inside, because anybody may ask: but for a loop, which a health check is to show. */
function healthDocument({ prober }: HttpContext): { status: 'ok'; degraded: boolean; reason?: string } {
  const { reachable, reason } = prober.status
  const loop = reason === LOOP_REASON ? { reason } : {}
  return { status: 'ok', degraded: reachable === false, ...loop }
}
