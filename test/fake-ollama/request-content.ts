// The fake's reading of a request: its model, whether it has a prompt, and Ollama's errors.

import { ENDPOINTS } from '../../src/daemon/domain/endpoint.ts'
import type { SeenRequest } from './seen-request.ts'

export const isWorkerPath = (path: string): boolean => path in ENDPOINTS

/** The JSON of a body; empty if it does not parse. */
export function contentOf(request: SeenRequest): Readonly<Record<string, unknown>> {
  try {
    return request.json
  } catch {
    return {}
  }
}

const isMultipart = (request: SeenRequest): boolean => (request.header('content-type') ?? '').startsWith('multipart/')

/** The model as it was written; undefined if there is none. */
function askedModel(request: SeenRequest): unknown {
  if (!isMultipart(request)) return contentOf(request)['model']
  return /name="model"\r\n\r\n([^\r]*)\r\n/.exec(request.body.toString('latin1'))?.[1]
}

function installed(name: string, models: readonly string[]): string | undefined {
  const folded = name.toLowerCase()
  return models.find((model) => model === folded || model === `${folded}:latest`)
}

/** The installed model that the request names. */
export function modelOf(request: SeenRequest, models: readonly string[]): string {
  return installed(String(askedModel(request)), models) ?? String(askedModel(request))
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)

/** A native chat without messages or generate without a prompt only loads a model; with `keep_alive: 0` it only unloads. */
export function isNothingToSay(request: SeenRequest, which: 'load' | 'unload'): boolean {
  const says = request.path === '/api/chat' ? 'messages' : request.path === '/api/generate' ? 'prompt' : null
  if (says === null) return false
  const content = contentOf(request)
  if (!isEmpty(content[says]) || !isEmpty(content['images'])) return false
  const keepAlive = content['keep_alive']
  const isZero = keepAlive === 0 || keepAlive === '0' || keepAlive === '0s'
  return isZero === (which === 'unload')
}

/** The texts of an embedding request; null for anything else. */
export function inputsOf(request: SeenRequest): readonly string[] | null {
  const content = contentOf(request)
  if (request.path === '/api/embeddings') return isEmpty(content['prompt']) ? [] : [String(content['prompt'])]
  if (request.path !== '/api/embed' && request.path !== '/v1/embeddings') return null
  const { input } = content
  if (Array.isArray(input)) return input.map(String)
  return isEmpty(input) ? [] : [String(input)]
}

export interface Refused {
  readonly status: number
  readonly body: string
  readonly contentType: string
}

function shaped(path: string, status: number, message: string): Refused {
  if (!path.startsWith('/v1/')) {
    return { status, body: JSON.stringify({ error: message }), contentType: 'application/json; charset=utf-8' }
  }
  const type = status === 400 ? 'invalid_request_error' : 'not_found_error'
  const document =
    path === '/v1/messages'
      ? { type: 'error', error: { type, message }, request_id: 'req_0123456789abcdef01234567' }
      : { error: { message, type: status === 400 ? type : 'api_error', param: null, code: null } }
  return { status, body: `${JSON.stringify(document)}\n`, contentType: 'application/json' }
}

/** Ollama's refusal of the request, or null if it is valid. */
export function refusal(request: SeenRequest, models: readonly string[]): Refused | null {
  const { path, body } = request
  if (body.length === 0) return shaped(path, 400, 'missing request body')
  const asked = askedModel(request)
  if (typeof asked !== 'string' || asked === '') {
    if (path === '/api/generate' || path === '/api/embed') return shaped(path, 404, "model '' not found")
    return shaped(path, 400, 'model is required')
  }
  if (installed(asked, models) !== undefined) return null
  const isEmbedding = path.includes('embed')
  const message = isEmbedding ? `model "${asked}" not found, try pulling it first` : `model '${asked}' not found`
  return shaped(path, 404, message)
}
