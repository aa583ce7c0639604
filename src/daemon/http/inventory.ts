// Owns the answers that need no target: what it has, from the last probe, at once. While it sleeps the last inventory
// stays, and the answer says so. The native documents are the target's own bytes.

import type { ServerResponse } from 'node:http'
import { modelAnswer, modelList } from '../inventory.ts'
import { unknownModel } from '../request/ollama-error.ts'
import type { App } from './app.ts'
import { JSON_TYPE, refuse, send, TEXT_TYPE } from './respond.ts'
import type { Route } from './routes.ts'

const NOTHING = '{"models":[]}'

/** `asked` is the model of `/v1/models/{model}`. */
export function answerInventory(app: App, { path, surface }: Route, asked: string, res: ServerResponse): void {
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
      const answer = modelAnswer(asked, inventory)
      if (answer !== null) return send(res, 200, 'application/json', answer, freshness(app))
      return refuse(app, res, surface, { ...unknownModel('/v1/models', asked), code: null })
    }
  }
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
