// Owns THE table of routes (spec §3.1): which path and method goes which way. Matched against the raw path: what a proxy
// decodes or tidies up and the server behind it does not is a bypass, so nothing is decoded before it is matched.

import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { Surface } from './error-body.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'DELETE'

/** What becomes of a request. */
export type Way =
  /** A job: waits for its turn, then streams. */
  | 'queued'
  /** To the target at once, at most FOREMAN_EMBED_CONCURRENCY of them. */
  | 'embeddings'
  /** Answered from the last probe. */
  | 'inventory'
  /** To the target at once; its last answer is kept for when it sleeps. */
  | 'show'
  /** To the target at once. */
  | 'direct'
  /** To the target at once, streamed both ways, only with FOREMAN_ALLOW_MANAGEMENT. */
  | 'management'
  /** Foreman's own. */
  | 'own'
  /** Async jobs: to be found in the table of jobs.ts. */
  | 'jobs'

export interface Route {
  /** Exact, but for `{…}`, which stands for one segment. */
  readonly path: string
  readonly methods: readonly Method[]
  readonly way: Way
  readonly surface: Surface
}

/** In the order in which Ollama's Allow header lists them. */
const METHOD_ORDER: readonly Method[] = ['HEAD', 'GET', 'POST', 'DELETE']

const READ = ['HEAD', 'GET'] as const
const GET = ['GET'] as const
const POST = ['POST'] as const

const queued = (path: EndpointPath): Route => ({ path, methods: POST, way: 'queued', surface: ENDPOINTS[path].dialect })

const native = (path: string, methods: readonly Method[], way: Way): Route => ({
  path,
  methods,
  way,
  surface: 'native',
})

const own = (path: string, methods: readonly Method[]): Route => ({ path, methods, way: 'own', surface: 'jobs' })

const jobs = (path: string, methods: readonly Method[]): Route => ({ path, methods, way: 'jobs', surface: 'jobs' })

export const ROUTES: readonly Route[] = [
  queued('/api/chat'),
  queued('/api/generate'),
  queued('/v1/chat/completions'),
  queued('/v1/completions'),
  queued('/v1/responses'),
  queued('/v1/responses/compact'),
  queued('/v1/messages'),
  queued('/v1/audio/transcriptions'),
  queued('/v1/images/generations'),
  queued('/v1/images/edits'),

  native('/api/embed', POST, 'embeddings'),
  native('/api/embeddings', POST, 'embeddings'),
  { path: '/v1/embeddings', methods: POST, way: 'embeddings', surface: 'openai' },

  native('/', READ, 'inventory'),
  native('/api/version', READ, 'inventory'),
  native('/api/tags', READ, 'inventory'),
  native('/api/ps', GET, 'inventory'),
  { path: '/v1/models', methods: GET, way: 'inventory', surface: 'openai' },
  { path: '/v1/models/{model}', methods: GET, way: 'inventory', surface: 'openai' },

  native('/api/show', POST, 'show'),

  { path: '/v1/messages/count_tokens', methods: POST, way: 'direct', surface: 'anthropic' },
  native('/api/status', GET, 'direct'),
  native('/api/me', POST, 'direct'),
  native('/api/experimental/aliases', GET, 'direct'),
  native('/api/experimental/model-recommendations', GET, 'direct'),
  native('/api/experimental/web_search', POST, 'direct'),
  native('/api/experimental/web_fetch', POST, 'direct'),

  native('/api/pull', POST, 'management'),
  native('/api/push', POST, 'management'),
  native('/api/create', POST, 'management'),
  native('/api/copy', POST, 'management'),
  native('/api/delete', ['DELETE'], 'management'),
  native('/api/blobs/{digest}', ['HEAD', 'POST'], 'management'),
  native('/api/experimental/aliases', ['POST', 'DELETE'], 'management'),
  native('/api/signout', POST, 'management'),
  // How older command lines sign out.
  native('/api/user/keys/{key}', ['DELETE'], 'management'),

  own('/healthz', READ),
  own('/readyz', READ),
  own('/status', READ),
  own('/metrics', READ),
  own('/openapi.json', READ),
  own('/pause', POST),
  own('/resume', POST),
  own('/backup', POST),

  jobs('/jobs', ['HEAD', 'GET', 'POST']),
  jobs('/jobs/{id}', ['HEAD', 'GET', 'DELETE']),
  jobs('/jobs/{id}/events', READ),
  jobs('/jobs/{id}/artifacts/{name}', READ),
  jobs('/jobs/{id}/cancel', POST),
  jobs('/jobs/{id}/retry', POST),
  jobs('/jobs/{id}/deliveries/{n}/redeliver', POST),
]

interface RouteNode {
  readonly byMethod: ReadonlyMap<string, Route>
  /** The value of an Allow header. */
  readonly allow: string
  readonly surface: Surface
}

function placesOf(routes: readonly Route[]): ReadonlyMap<string, RouteNode> {
  const places = new Map<string, RouteNode>()
  for (const { path, surface } of routes) {
    const here = routes.filter((route) => route.path === path)
    const byMethod = new Map(here.flatMap((route) => route.methods.map((method) => [method, route] as const)))
    const allow = METHOD_ORDER.filter((method) => byMethod.has(method)).join(', ')
    places.set(path, { byMethod, allow, surface })
  }
  return places
}

const PLACES = placesOf(ROUTES)

/** The paths with parameters, as the segments that must be met; null stands for any one. */
const PATTERNS = [...PLACES]
  .filter(([path]) => path.includes('{'))
  .map(([path, place]) => ({
    place,
    segments: path.split('/').map((segment) => (segment.startsWith('{') ? null : segment)),
  }))
const MAX_SEGMENTS = Math.max(...PATTERNS.map(({ segments }) => segments.length))

export type Match =
  /** `parameters`: decoded, in the order of the path. */
  | { readonly kind: 'route'; readonly route: Route; readonly allow: string; readonly parameters: readonly string[] }
  | { readonly kind: 'wrong_method'; readonly allow: string; readonly surface: Surface }
  | { readonly kind: 'unknown'; readonly surface: Surface }

/** What `path` (raw, without query) is to `method`. */
export function match(method: string, path: string): Match {
  const exact = PLACES.get(path)
  if (exact !== undefined) return at(exact, method, [])
  const raw = path.split('/', MAX_SEGMENTS + 1)
  for (const { place, segments } of PATTERNS) {
    const parameters = parametersOf(raw, segments)
    if (parameters !== null) return at(place, method, parameters)
  }
  return { kind: 'unknown', surface: surfaceOf(path) }
}

function at({ byMethod, allow, surface }: RouteNode, method: string, parameters: readonly string[]): Match {
  const route = byMethod.get(method)
  return route === undefined ? { kind: 'wrong_method', allow, surface } : { kind: 'route', route, allow, parameters }
}

function parametersOf(raw: readonly string[], segments: readonly (string | null)[]): readonly string[] | null {
  if (raw.length !== segments.length) return null
  if (!segments.every((segment, i) => segment === null || segment === raw[i])) return null
  const parameters = raw.filter((_, i) => segments[i] === null).map(decoded)
  return parameters.every((parameter) => parameter !== null) ? parameters : null
}

/** One segment, as in Ollama: its router decodes first, so an escaped slash is a slash too, and no such path is known. */
function decoded(raw: string): string | null {
  try {
    const parameter = decodeURIComponent(raw)
    return parameter === '' || parameter.includes('/') ? null : parameter
  } catch {
    return null
  }
}

/** Whose errors a path speaks that is on no table. */
function surfaceOf(path: string): Surface {
  if (path.startsWith('/v1/messages')) return 'anthropic'
  if (path.startsWith('/v1/')) return 'openai'
  return path.startsWith('/jobs') ? 'jobs' : 'native'
}
