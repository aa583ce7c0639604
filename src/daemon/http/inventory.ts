// Owns the answers that need no target: what it has, from the last probe, at once. While it sleeps the last inventory
// stays, and the answer says so. The native documents are the target's own bytes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isCloudModel } from '../affinity.ts'
import { modelAnswer, modelList } from '../inventory.ts'
import { unknownDetails, unusableDetails } from '../request/ollama-error.ts'
import { hasChange } from '../request/ollama-version.ts'
import type { App } from './app.ts'
import { forward } from './direct.ts'
import { forwardedHeaders } from './forwarded-headers.ts'
import { JSON_TYPE, refuse, type Surface, send, TEXT_TYPE, targetVersion } from './respond.ts'
import type { Route } from './routes.ts'

const NOTHING = '{"models":[]}'

/** `asked` is the model of `/v1/models/{model}`. */
export function answerInventory(
  app: App,
  { path, surface }: Route,
  asked: string,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const { inventory } = app.probes.status
  switch (path) {
    case '/':
      return send(res, 200, TEXT_TYPE, 'Ollama is running')
    case '/api/version':
      return send(res, 200, JSON_TYPE, JSON.stringify({ version: inventory?.version ?? '0.0.0' }), freshness(app))
    case '/api/tags':
      return send(res, 200, JSON_TYPE, inventory?.tags ?? NOTHING, freshness(app))
    case '/api/ps':
      return send(res, 200, JSON_TYPE, inventory?.ps ?? NOTHING, freshness(app))
    case '/v1/models':
      return send(res, 200, 'application/json', modelList(inventory), freshness(app))
    default: {
      const version = targetVersion(app)
      const unusable = unusableDetails(asked, version)
      if (unusable !== null) return refuse(app, res, surface, { ...unusable, code: null })
      if (isCloudModel(asked) && hasChange(version, 'cloudModelDetails'))
        return forwardDetails(app, surface, asked, req, res)
      const answer = modelAnswer(asked, inventory)
      if (answer !== null) return send(res, 200, 'application/json', answer, freshness(app))
      return refuse(app, res, surface, { ...unknownDetails(asked, version), code: null })
    }
  }
}

/** Only ollama.com knows its models. */
function forwardDetails(app: App, surface: Surface, asked: string, req: IncomingMessage, res: ServerResponse): void {
  const path = `/v1/models/${encodeURIComponent(asked)}`
  const request = { method: 'GET', path, headers: forwardedHeaders(req.headers), body: null }
  forward({ app, res, surface, request })
}

/** How old the answer is, and whether that is because nobody answers. */
function freshness({ clock, probes }: App): Record<string, string> {
  const { inventory, reachable } = probes.status
  const headers: Record<string, string> = {}
  if (inventory !== null)
    headers['Age'] = String(Math.max(0, Math.floor((clock.monotonic() - inventory.probedAt) / 1000)))
  if (reachable === false) headers['X-Foreman-Target'] = 'unreachable'
  return headers
}
