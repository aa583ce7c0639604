// Owns the answers that need no target: what it has, from the last probe, at once. While it sleeps the last inventory
// stays, and the answer says so. The native documents are the target's own bytes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { isCloudModel } from '../../domain/affinity.ts'
import { modelAnswer, modelList } from '../../domain/inventory.ts'
import { hasChange } from '../../domain/ollama-version.ts'
import { unknownDetails, unusableDetails } from '../../request/ollama-error.ts'
import type { HttpContext } from '../context.ts'
import { JSON_TYPE, refuse, type Surface, send, TEXT_TYPE, targetVersion } from '../respond.ts'
import type { Route } from '../routes.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

const NOTHING = '{"models":[]}'

/** `asked` is the model of `/v1/models/{model}`. */
export function answerInventory(
  context: HttpContext,
  { path, surface }: Route,
  asked: string,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const { inventory } = context.prober.status
  switch (path) {
    case '/':
      return send(res, 200, TEXT_TYPE, 'Ollama is running')
    case '/api/version':
      return send(res, 200, JSON_TYPE, JSON.stringify({ version: inventory?.version ?? '0.0.0' }), freshness(context))
    case '/api/tags':
      return send(res, 200, JSON_TYPE, inventory?.tags ?? NOTHING, freshness(context))
    case '/api/ps':
      return send(res, 200, JSON_TYPE, inventory?.ps ?? NOTHING, freshness(context))
    case '/v1/models':
      return send(res, 200, 'application/json', modelList(inventory), freshness(context))
    default: {
      const version = targetVersion(context)
      const unusable = unusableDetails(asked, version)
      if (unusable !== null) return refuse(context, res, surface, { ...unusable, code: null })
      if (isCloudModel(asked) && hasChange(version, 'cloudModelDetails'))
        return forwardDetails(context, surface, asked, req, res)
      const answer = modelAnswer(asked, inventory)
      if (answer !== null) return send(res, 200, 'application/json', answer, freshness(context))
      return refuse(context, res, surface, { ...unknownDetails(asked, version), code: null })
    }
  }
}

/** Only ollama.com knows its models. */
function forwardDetails(
  context: HttpContext,
  surface: Surface,
  asked: string,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const path = `/v1/models/${encodeURIComponent(asked)}`
  const request = { method: 'GET', path, headers: forwardedHeaders(req.headers), body: null }
  forward({ context, res, surface, request })
}

/** How old the answer is, and whether that is because nobody answers. */
function freshness({ clock, prober }: HttpContext): Record<string, string> {
  const { inventory, reachable } = prober.status
  const headers: Record<string, string> = {}
  if (inventory !== null)
    headers['Age'] = String(Math.max(0, Math.floor((clock.monotonic() - inventory.probedAt) / 1000)))
  if (reachable === false) headers['X-Foreman-Target'] = 'unreachable'
  return headers
}
