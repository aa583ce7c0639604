// THE table of routes: which handler gets a path and method. Paths are matched raw: if this server decoded or cleaned a path
// that a proxy in front of it does not, or the reverse, a rule of that proxy could be bypassed.

import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { Handler, Method, Route, TargetGroup } from './call.ts'
import type { Surface } from './error-body.ts'
import { sendArtifact } from './jobs/artifact.ts'
import { streamEvents } from './jobs/events.ts'
import { cancelJob, deleteJob, redeliverWebhook, retryJob } from './jobs/job-actions.ts'
import { forJob, type JobHandler } from './jobs/job-id.ts'
import { listJobs } from './jobs/job-list.ts'
import { viewJob } from './jobs/job-view.ts'
import { submitJob } from './jobs/submit.ts'
import { embed } from './ollama/embeddings.ts'
import { sendLoaded, sendModel, sendModelList, sendRunning, sendTags, sendVersion } from './ollama/inventory.ts'
import { manage, passThrough } from './ollama/passthrough.ts'
import { queue } from './ollama/queued.ts'
import { show } from './ollama/show.ts'
import { sendBackup } from './own/backup.ts'
import { sendOpenApi } from './own/openapi/document.ts'
import { pauseQueue, resumeQueue } from './own/pause.ts'
import { sendHealth, sendMetrics, sendReadiness, sendStatus } from './own/status.ts'

/** In the order in which Ollama's Allow header lists them. */
const METHOD_ORDER: readonly Method[] = ['HEAD', 'GET', 'POST', 'DELETE']

const READ = ['HEAD', 'GET'] as const
const GET = ['GET'] as const
const POST = ['POST'] as const
const DELETE = ['DELETE'] as const

type Methods = readonly Method[]

/** One row. By default it ends at shutdown if it needs the target. */
function route(
  path: string,
  methods: Methods,
  surface: Surface,
  handle: Handler,
  group: TargetGroup | null,
  endsAtShutdown = group !== null && group !== 'inventory',
): Route {
  return { path, methods, surface, handle, group, endsAtShutdown }
}

/** A job: it waits for its turn, then its answer is streamed. */
const queued = (path: EndpointPath): Route =>
  route(path, POST, ENDPOINTS[path].dialect, (call) => queue(call, path), 'queued')

/** Passed on to the target at once. */
const sent =
  (group: TargetGroup, handle: Handler) =>
  (path: string, methods: Methods, surface: Surface = 'native'): Route =>
    route(path, methods, surface, handle, group)
const embedding = sent('embeddings', embed)
const shown = sent('show', show)
const direct = sent('direct', passThrough)
const management = sent('management', manage)

/** Answered from the last probe. */
const inventory = (path: string, methods: Methods, handle: Handler, surface: Surface = 'native'): Route =>
  route(path, methods, surface, handle, 'inventory')

/** Foreman's own. */
const own = (path: string, methods: Methods, handle: Handler): Route => route(path, methods, 'jobs', handle, null)

/** Async jobs. Reading goes on until the port closes. */
const jobs = (path: string, methods: Methods, handle: Handler): Route =>
  route(path, methods, 'jobs', handle, null, !methods.includes('GET'))
const job = (path: string, methods: Methods, handle: JobHandler): Route =>
  jobs(`/jobs/{id}${path}`, methods, forJob(handle))

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

  embedding('/api/embed', POST),
  embedding('/api/embeddings', POST),
  embedding('/v1/embeddings', POST, 'openai'),

  inventory('/', READ, sendRunning),
  inventory('/api/version', READ, sendVersion),
  inventory('/api/tags', READ, sendTags),
  inventory('/api/ps', GET, sendLoaded),
  inventory('/v1/models', GET, sendModelList, 'openai'),
  inventory('/v1/models/{model}', GET, sendModel, 'openai'),

  shown('/api/show', POST),

  direct('/v1/messages/count_tokens', POST, 'anthropic'),
  direct('/api/status', GET),
  direct('/api/me', POST),
  direct('/api/experimental/aliases', GET),
  direct('/api/experimental/model-recommendations', GET),
  direct('/api/experimental/web_search', POST),
  direct('/api/experimental/web_fetch', POST),

  management('/api/pull', POST),
  management('/api/push', POST),
  management('/api/create', POST),
  management('/api/copy', POST),
  management('/api/delete', DELETE),
  management('/api/blobs/{digest}', ['HEAD', 'POST']),
  management('/api/experimental/aliases', ['POST', 'DELETE']),
  management('/api/signout', POST),
  // How older command lines sign out.
  management('/api/user/keys/{key}', DELETE),

  own('/healthz', READ, sendHealth),
  own('/readyz', READ, sendReadiness),
  own('/status', READ, sendStatus),
  own('/metrics', READ, sendMetrics),
  own('/openapi.json', READ, (call) => sendOpenApi(call, ROUTES)),
  own('/pause', POST, pauseQueue),
  own('/resume', POST, resumeQueue),
  own('/backup', POST, sendBackup),

  jobs('/jobs', READ, listJobs),
  jobs('/jobs', POST, submitJob),
  job('', READ, viewJob),
  job('', DELETE, deleteJob),
  job('/events', READ, streamEvents),
  job('/artifacts/{name}', READ, sendArtifact),
  job('/cancel', POST, cancelJob),
  job('/retry', POST, retryJob),
  job('/deliveries/{n}/redeliver', POST, redeliverWebhook),
]

interface PathNode {
  readonly byMethod: ReadonlyMap<string, Route>
  /** Value of the Allow header. */
  readonly allow: string
  readonly surface: Surface
}

function nodesOf(routes: readonly Route[]): ReadonlyMap<string, PathNode> {
  const nodes = new Map<string, PathNode>()
  for (const { path, surface } of routes) {
    const here = routes.filter((route) => route.path === path)
    const byMethod = new Map(here.flatMap((route) => route.methods.map((method) => [method, route] as const)))
    const allow = METHOD_ORDER.filter((method) => byMethod.has(method)).join(', ')
    nodes.set(path, { byMethod, allow, surface })
  }
  return nodes
}

const NODES = nodesOf(ROUTES)

/** The paths with parameters, as segments; null stands for any one segment. */
const PATTERNS = [...NODES]
  .filter(([path]) => path.includes('{'))
  .map(([path, node]) => ({
    node,
    segments: path.split('/').map((segment) => (segment.startsWith('{') ? null : segment)),
  }))
const MAX_SEGMENTS = Math.max(...PATTERNS.map(({ segments }) => segments.length))

export type Match = { readonly surface: Surface } & (
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong_method'; readonly allow: string }
  /** `parameters`: decoded, in the order of the path. */
  | { readonly kind: 'route'; readonly allow: string; readonly route: Route; readonly parameters: readonly string[] }
)

/** Finds the route of a method and a path (raw, without query). */
export function match(method: string, path: string): Match {
  const exact = NODES.get(path)
  if (exact !== undefined) return matchAt(exact, method, [])
  const raw = path.split('/', MAX_SEGMENTS + 1)
  for (const { node, segments } of PATTERNS) {
    const parameters = parametersOf(raw, segments)
    if (parameters !== null) return matchAt(node, method, parameters)
  }
  return { kind: 'unknown', surface: surfaceOf(path) }
}

function matchAt({ byMethod, allow, surface }: PathNode, method: string, parameters: readonly string[]): Match {
  const route = byMethod.get(method)
  if (route === undefined) return { kind: 'wrong_method', allow, surface }
  return { kind: 'route', allow, surface: route.surface, route, parameters }
}

function parametersOf(raw: readonly string[], segments: readonly (string | null)[]): readonly string[] | null {
  if (raw.length !== segments.length) return null
  if (!segments.every((segment, i) => segment === null || segment === raw[i])) return null
  const parameters = raw.filter((_, i) => segments[i] === null).map(decoded)
  return parameters.every((parameter) => parameter !== null) ? parameters : null
}

/** Decodes one segment. Null if it holds an escaped slash: Ollama's router decodes first, and then knows no such path. */
function decoded(raw: string): string | null {
  try {
    const parameter = decodeURIComponent(raw)
    return parameter === '' || parameter.includes('/') ? null : parameter
  } catch {
    return null
  }
}

/** The surface of a path that is not in the table. */
function surfaceOf(path: string): Surface {
  if (path.startsWith('/v1/messages')) return 'anthropic'
  if (path.startsWith('/v1/')) return 'openai'
  return path.startsWith('/jobs') ? 'jobs' : 'native'
}
