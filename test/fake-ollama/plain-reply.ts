// Answers of the fake that need no model: inventory, show, management, and unknown paths.

import type { Reply } from './answer-writer.ts'
import { digestOf, tagsOf } from './memory.ts'
import { isWorkerPath } from './request-content.ts'
import type { SeenRequest } from './seen-request.ts'

const TEXT = 'text/plain; charset=utf-8'
const JSON_UTF8 = 'application/json; charset=utf-8'

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  301: 'Moved Permanently',
  400: 'Bad Request',
  404: 'Not Found',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

export const document = (
  status: number,
  body: string,
  contentType = JSON_UTF8,
  reason = REASONS[status] ?? '',
): Reply => ({ status, reason, contentType, records: [body], isDocument: true })

const PROGRESS = ['{"status":"pulling manifest"}\n', '{"status":"success"}\n']

const isEmbedding = (path: string): boolean => ['/api/embed', '/api/embeddings', '/v1/embeddings'].includes(path)

export interface Installation {
  readonly version: string
  readonly models: readonly string[]
  /** The body of /api/ps. */
  readonly ps: string
}

function show(body: Buffer, models: readonly string[]): Reply {
  // The command line sends `{"model":"","name":"x"}`.
  const { model: named, name } = JSON.parse(body.toString()) as { model?: string; name?: string }
  const model = named || (name ?? '')
  if (!models.includes(model) && !models.includes(`${model}:latest`)) {
    return document(404, JSON.stringify({ error: `model '${model}' not found` }))
  }
  const details = { parent_model: '', format: 'gguf', family: 'llama' }
  return document(200, JSON.stringify({ details, model_info: { 'general.digest': digestOf(model) } }))
}

/** Returns null if the request needs a model. */
export function plainReply({ method, path, body }: SeenRequest, { version, models, ps }: Installation): Reply | null {
  if (path.startsWith('/api/blobs/')) return method === 'HEAD' ? document(404, '') : document(201, '')
  switch (`${method === 'HEAD' ? 'GET' : method} ${path}`) {
    case 'GET /':
      return document(200, 'Ollama is running', TEXT)
    case 'GET /api/version':
      return document(200, JSON.stringify({ version }))
    case 'GET /api/tags':
      return document(200, tagsOf(models))
    case 'GET /api/ps':
      return document(200, ps)
    case 'GET /api/status':
      return document(200, '{"cloud":{"disabled":false,"source":"none"}}')
    case 'POST /api/show':
      return show(body, models)
    case 'POST /api/pull':
    case 'POST /api/push':
    case 'POST /api/create':
      return { ...document(200, '', 'application/x-ndjson'), records: PROGRESS, isDocument: false }
    case 'POST /api/copy':
    case 'DELETE /api/delete':
      return document(200, '')
  }
  return isWorkerPath(path) || isEmbedding(path) ? null : document(404, '404 page not found', 'text/plain')
}
