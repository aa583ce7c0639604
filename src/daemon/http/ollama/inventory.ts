// Answers that need no target: its models, from the last probe, at once. While the target sleeps, the last inventory is
// sent, and the headers say so. The native documents are the target's own bytes.

import { isCloudModel } from '../../domain/affinity.ts'
import { modelAnswer, modelList } from '../../domain/inventory.ts'
import { hasChange } from '../../domain/ollama-version.ts'
import type { Inventory } from '../../domain/target-status.ts'
import { unknownDetails, unusableDetails } from '../../request/ollama-error.ts'
import type { Call, Handler } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { JSON_TYPE, send, TEXT_TYPE, targetVersion } from '../respond.ts'
import { forward, requestOf } from './forward.ts'

const NO_MODELS = '{"models":[]}'

export function sendRunning({ res }: Call): void {
  send(res, 200, TEXT_TYPE, 'Ollama is running')
}

/** A handler that sends a document of the last inventory. */
const fromInventory =
  (contentType: string, document: (inventory: Inventory | null) => string | Buffer): Handler =>
  ({ context, res }) =>
    send(res, 200, contentType, document(context.prober.status.inventory), freshness(context))

export const sendVersion = fromInventory(JSON_TYPE, (inventory) =>
  JSON.stringify({ version: inventory?.version ?? '0.0.0' }),
)
export const sendTags = fromInventory(JSON_TYPE, (inventory) => inventory?.tags ?? NO_MODELS)
export const sendLoaded = fromInventory(JSON_TYPE, (inventory) => inventory?.ps ?? NO_MODELS)
export const sendModelList = fromInventory('application/json', modelList)

export function sendModel(call: Call): void {
  const { context, res } = call
  const [model = ''] = call.parameters
  const version = targetVersion(context)
  const unusable = unusableDetails(model, version)
  if (unusable !== null) return call.refuse({ ...unusable, code: null })
  // Only ollama.com knows its models, so the target is asked.
  if (isCloudModel(model) && hasChange(version, 'cloudModelDetails'))
    return forward(call, requestOf(call, null, `/v1/models/${encodeURIComponent(model)}`))
  const answer = modelAnswer(model, context.prober.status.inventory)
  if (answer !== null) return send(res, 200, 'application/json', answer, freshness(context))
  call.refuse({ ...unknownDetails(model, version), code: null })
}

/** Headers with the age of the answer, and whether it is old because the target does not answer. */
function freshness({ clock, prober }: HttpContext): Record<string, string> {
  const { inventory, reachable } = prober.status
  const headers: Record<string, string> = {}
  if (inventory !== null)
    headers['Age'] = String(Math.max(0, Math.floor((clock.monotonic() - inventory.probedAt) / 1000)))
  if (reachable === false) headers['X-Foreman-Target'] = 'unreachable'
  return headers
}
