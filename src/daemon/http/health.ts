// Owns foreman's own routes that ask how it is or tell it to pause: health, readiness, status, metrics, pause, resume.
// Health is that of the daemon: a target that sleeps makes it degraded, never ill.

import type { ServerResponse } from 'node:http'
import type { App } from './app.ts'
import { send, sendJson } from './respond.ts'
import { statusDocument } from './status.ts'

export async function answerOwn(app: App, path: string, res: ServerResponse): Promise<void> {
  const fresh = { 'Cache-Control': 'no-store' }
  switch (path) {
    case '/healthz':
      return sendJson(res, 200, { status: 'ok', degraded: app.probes.status.reachable === false }, fresh)
    case '/readyz':
      return sendJson(res, app.phase === 'ready' ? 200 : 503, { status: app.phase }, fresh)
    case '/status':
      return sendJson(res, 200, await statusDocument(app), fresh)
    case '/metrics': {
      const { contentType, body } = await app.metrics.render()
      return send(res, 200, contentType, body, fresh)
    }
    case '/pause':
      await app.queue.pause()
      return sendJson(res, 200, { paused: app.queue.paused }, fresh)
    default:
      await app.queue.resume()
      return sendJson(res, 200, { paused: app.queue.paused }, fresh)
  }
}
