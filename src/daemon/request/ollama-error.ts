// Errors that foreman gives in Ollama's place: requests that Ollama would refuse. Status, content type and shape are Ollama's, as
// read in its source and asked of real ones of several versions, and so are the sentences that clients match (`model '…' not
// found`, `model is required`, `invalid model name`, `missing request body`). Where Ollama passes on a text of Go's libraries,
// foreman says in its own words what is wrong and where. Pure.

import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import { hasChange } from '../domain/ollama-version.ts'
import { readModelName, taggedName } from './model-name.ts'

/**
 * The part of Ollama that writes the error. `/v1` is a layer before the native handlers, and the errors of the layer and of the
 * handler differ in type and framing.
 */
export type Speaker =
  | 'layer'
  | 'handler'
  /** The layer that looks for compactions, since 0.34. Its errors are those of the layer, with a code. */
  | 'compaction'
  /** The decoder of zstd for `/v1`, since 0.18. It writes native errors on every surface. */
  | 'decoder'

export interface OllamaError {
  readonly status: number
  readonly message: string
  readonly speaker: Speaker
}

/** Since 0.17.8 names may carry their source, and an invalid name has an error of its own. */
const knowsSources = (version: string): boolean => hasChange(version, 'modelSources')

/** Returns whether the layer that looks for compactions reads the body of `path` first. */
export function looksForCompaction(path: EndpointPath, version: string): boolean {
  const { looksForCompaction: since } = ENDPOINTS[path]
  return since === 'always' || (since !== undefined && hasChange(version, 'compaction'))
}

/** Returns which part of Ollama reads the body of `path` first. */
function reader(path: EndpointPath, version: string): Speaker {
  if (ENDPOINTS[path].dialect === 'native') return 'handler'
  return looksForCompaction(path, version) ? 'compaction' : 'layer'
}

export const refusal = (status: number, message: string, speaker: Speaker): OllamaError => ({
  status,
  message,
  speaker,
})

/** The body is empty or only white space. Ollama's own text on /v1 before 0.34 is `EOF`. */
export function missingBody(path: EndpointPath, version: string): OllamaError {
  return refusal(400, 'missing request body', reader(path, version))
}

/** The body is invalid, or not of the kind that Ollama reads. */
export function unreadableBody(path: EndpointPath, message: string, version: string): OllamaError {
  const speaker = reader(path, version)
  return refusal(400, speaker === 'compaction' ? `invalid Responses request: ${message}` : message, speaker)
}

/** The body cannot be decoded as the zstd that it is said to be. Returns null if this version does not decode it there. */
export function undecodableBody(path: EndpointPath, message: string, version: string): OllamaError | null {
  const speaker = reader(path, version)
  if (speaker === 'compaction') return refusal(400, message, speaker)
  if (speaker === 'layer' && hasChange(version, 'compressedSurface')) return refusal(400, message, 'decoder')
  return path === '/v1/responses' ? refusal(400, message, speaker) : null
}

/** Returns Ollama's error for a model name that it does not accept, or null. */
export function unusableName(path: EndpointPath, model: string, version: string): OllamaError | null {
  const name = readModelName(model, knowsSources(version))
  if (name.kind === 'valid') return null
  if (name.kind === 'empty' && looksForCompaction(path, version)) return refusal(400, 'model is required', 'compaction')
  if (name.kind === 'conflicting') return refusal(400, name.message, 'handler')
  if (name.kind === 'invalid' && knowsSources(version)) return refusal(400, 'invalid model name', 'handler')
  const { layerAsksForModel, runsGenerate } = ENDPOINTS[path]
  if (model === '' && layerAsksForModel) return refusal(400, 'model is required', 'layer')
  return runsGenerate ? unknownModel(model) : refusal(400, 'model is required', 'handler')
}

/** The model does not exist. */
export const unknownModel = (model: string): OllamaError => refusal(404, `model '${model}' not found`, 'handler')

/** Returns Ollama's error for an invalid name in `/v1/models/{model}`, or null. Before 0.17.8 there is none. */
export function unusableDetails(model: string, version: string): OllamaError | null {
  if (!knowsSources(version)) return null
  const name = readModelName(model, true)
  if (name.kind === 'valid') return null
  if (name.kind === 'conflicting') return refusal(400, name.message, 'handler')
  return refusal(400, name.kind === 'empty' ? 'model is required' : 'invalid model name', 'handler')
}

/** The model of `/v1/models/{model}` does not exist. */
export function unknownDetails(model: string, version: string): OllamaError {
  return unknownModel(hasChange(version, 'taggedDetails') ? taggedName(model) : model)
}
