// Owns the errors that are Ollama's own and that foreman gives in its place because it knows them first: status, text and
// who inside Ollama writes them. Pure. Read in the source and asked of real ones of several versions; it never invents one.

import type { EndpointPath } from '../domain/endpoint.ts'
import { hasChange } from '../domain/ollama-version.ts'
import { quoteGo } from '../text/go-text.ts'
import { readModelName, taggedName } from './model-name.ts'

/**
 * Ollama's `/v1` is a layer before its native handlers. What the layer refuses and what the handler behind it refuses
 * differ in type and framing, so who speaks is part of the error.
 */
export type Speaker =
  | 'layer'
  | 'handler'
  /** The layer that looks for compactions, since 0.34: as the first one, and its errors have a code. */
  | 'compaction'
  /** What decodes zstd for `/v1`, since 0.18: it knows no surface and writes native errors. */
  | 'decoder'

export interface OllamaError {
  readonly status: number
  readonly message: string
  readonly speaker: Speaker
}

/** Every path of the target on which foreman may have to speak for it. */
export type OllamaPath = EndpointPath | '/api/embed' | '/api/embeddings' | '/v1/embeddings' | '/v1/models'

/** 0.17.8: names may carry their source, and an unusable one is called that. */
export const knowsSources = (version: string): boolean => hasChange(version, 'modelSources')

/** Returns whether the layer that looks for compactions reads the body of `path` first. */
export const looksForCompaction = (path: OllamaPath, version: string): boolean =>
  path === '/v1/responses/compact' || (path === '/v1/responses' && hasChange(version, 'compaction'))

const isNative = (path: OllamaPath): boolean => path.startsWith('/api/')

/** Who reads the body of `path` first. */
function reader(path: OllamaPath, version: string): Speaker {
  if (isNative(path)) return 'handler'
  return looksForCompaction(path, version) ? 'compaction' : 'layer'
}

const refusal = (status: number, message: string, speaker: Speaker): OllamaError => ({ status, message, speaker })

/** Nothing but white space was sent. */
export function missingBody(path: OllamaPath, version: string): OllamaError {
  const speaker = reader(path, version)
  return refusal(400, speaker === 'layer' ? 'EOF' : 'missing request body', speaker)
}

/** The body is invalid JSON, or not of the type that Ollama reads it into: Go's text goes out as it is. */
export function unreadableBody(path: OllamaPath, goText: string, version: string): OllamaError {
  const speaker = reader(path, version)
  return refusal(400, speaker === 'compaction' ? `invalid Responses request: ${goText}` : goText, speaker)
}

/** The body says that it is zstd and cannot be decoded; null if Ollama of this version does not decode it at all there. */
export function undecodableBody(path: OllamaPath, message: string, version: string): OllamaError | null {
  const speaker = reader(path, version)
  if (speaker === 'compaction') return refusal(400, message, speaker)
  if (speaker === 'layer' && hasChange(version, 'compressedSurface')) return refusal(400, message, 'decoder')
  return path === '/v1/responses' ? refusal(400, message, speaker) : null
}

/** What the layer that looks for compactions misses or cannot read. */
export const refusedByCompaction = (message: string): OllamaError => refusal(400, message, 'compaction')

/** What the `/v1` layer misses before it asks for a model, in its own words. */
export const missingByLayer = (message: string): OllamaError => refusal(400, message, 'layer')

/** Generate's handler calls every name that it does not like an unknown model; chat's asks for a name. */
const isGenerate = (path: EndpointPath): boolean =>
  path === '/api/generate' || path === '/v1/completions' || path.startsWith('/v1/images/')

/** These layers ask for a model themselves, before anything is handed on. */
const layerAsksForModel = (path: EndpointPath): boolean =>
  path === '/v1/messages' || path.startsWith('/v1/images/') || path === '/v1/audio/transcriptions'

/** What Ollama says to a model name that it cannot take for one; null where it can. */
export function unusableName(path: EndpointPath, model: string, version: string): OllamaError | null {
  const name = readModelName(model, knowsSources(version))
  if (name.kind === 'valid') return null
  if (name.kind === 'empty' && looksForCompaction(path, version)) return refusedByCompaction('model is required')
  if (name.kind === 'conflicting') return refusal(400, name.message, 'handler')
  if (name.kind === 'invalid' && knowsSources(version)) return refusal(400, 'invalid model name', 'handler')
  if (model === '' && layerAsksForModel(path)) return missingByLayer('model is required')
  return isGenerate(path) ? unknownModel(path, model) : refusal(400, 'model is required', 'handler')
}

/** A usable name of a model that is not there. The embedding handlers say it in their own way. */
export function unknownModel(path: OllamaPath, model: string): OllamaError {
  const embeds = path === '/api/embed' || path === '/api/embeddings' || path === '/v1/embeddings'
  const message = embeds ? `model ${quoteGo(model)} not found, try pulling it first` : `model '${model}' not found`
  return refusal(404, message, 'handler')
}

/** What Ollama says to a name in `/v1/models/{model}` that it cannot take for one; null where it can, or before 0.17.8. */
export function unusableDetails(model: string, version: string): OllamaError | null {
  if (!knowsSources(version)) return null
  const name = readModelName(model, true)
  if (name.kind === 'valid') return null
  if (name.kind === 'conflicting') return refusal(400, name.message, 'handler')
  return refusal(400, name.kind === 'empty' ? 'model is required' : 'invalid model name', 'handler')
}

/** A model of `/v1/models/{model}` that is not there. */
export function unknownDetails(model: string, version: string): OllamaError {
  return unknownModel('/v1/models', hasChange(version, 'taggedDetails') ? taggedName(model) : model)
}

/** Two spaces and all: clients look for this sentence. */
export const queueFull = (): OllamaError =>
  refusal(503, 'server busy, please try again.  maximum pending requests exceeded', 'handler')
