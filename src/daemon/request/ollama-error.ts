// Owns the errors that are Ollama's own and that foreman gives in its place because it knows them first: status, text and
// who inside Ollama writes them. Pure. Read in the source of 0.17.4 and asked of the real one; it never invents an error.

import type { EndpointPath } from '../endpoint.ts'
import { quoteGo } from './go-text.ts'
import { readModelName } from './model-name.ts'

/**
 * Ollama's `/v1` is a layer before its native handlers. What the layer refuses and what the handler behind it refuses
 * differ in type and framing, so who speaks is part of the error.
 */
export type Speaker = 'layer' | 'handler'

export interface OllamaError {
  readonly status: number
  readonly message: string
  readonly speaker: Speaker
}

/** Every path of the target on which foreman may have to speak for it. */
export type OllamaPath = EndpointPath | '/api/show' | '/api/embed' | '/api/embeddings' | '/v1/embeddings' | '/v1/models'

/** What is spoken for while the target has not told its version. */
export const ASSUMED_VERSION = '0.17.4'

/** Whether `version` is at least `least`; builds without a version (`0.0.0`) and unknown ones count as 0.17.4. */
export function isSince(version: string, least: string): boolean {
  const numbers = (text: string): number[] => /^(\d+)\.(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? []
  const known = numbers(version).some((part) => part > 0) ? version : ASSUMED_VERSION
  const [a, b] = [numbers(known), numbers(least)]
  const differing = [0, 1, 2].find((i) => a[i] !== b[i])
  return differing === undefined || (a[differing] ?? 0) > (b[differing] ?? 0)
}

/** 0.17.8: names may carry their source, and an unusable one is called that. */
export const knowsSources = (version: string): boolean => isSince(version, '0.17.8')

const isNative = (path: OllamaPath): boolean => path.startsWith('/api/')

/** Whoever reads the body of `path`. */
const reader = (path: OllamaPath): Speaker => (isNative(path) ? 'handler' : 'layer')

const refusal = (status: number, message: string, speaker: Speaker): OllamaError => ({ status, message, speaker })

/** Nothing but white space was sent. */
export const missingBody = (path: OllamaPath): OllamaError =>
  refusal(400, isNative(path) ? 'missing request body' : 'EOF', reader(path))

/** The body is no JSON, or not of the type that Ollama reads it into: Go's text goes out as it is. */
export const unreadableBody = (path: OllamaPath, goText: string): OllamaError => refusal(400, goText, reader(path))

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

/** Two spaces and all: clients look for this sentence. */
export const queueFull = (): OllamaError =>
  refusal(503, 'server busy, please try again.  maximum pending requests exceeded', 'handler')
