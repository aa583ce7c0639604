// Meaning of the three answers of a probe: an inventory, an unreachable target, or a server that is not Ollama. Pure: send.ts asks,
// and the inventory is read elsewhere.

import { LOOP_REASON } from '../domain/hop.ts'
import { cutTargetText } from '../domain/target-text.ts'
import { type JsonDocument, jsonObject } from '../text/json.ts'
import type { Bounds, Reply } from './question.ts'
import type { PingResult, ProbeResult } from './target.ts'

export const PROBED = ['/api/tags', '/api/ps', '/api/version'] as const
export type Probed = (typeof PROBED)[number]

const MIB = 1024 ** 2
const LOOP_DETECTED = 508
/** A few thousand models make 4 MiB of tags. Parsing 8 MiB can cost 160 MB. */
export const maxBytesOf = (path: Probed): Bounds['maxBytes'] => (path === '/api/tags' ? 8 * MIB : 4 * MIB)

type ProbeAnswer<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'unreachable' | 'foreign'; readonly reason: string }

function documentOf(
  path: Probed,
  reply: Reply,
): ProbeAnswer<{ readonly document: JsonDocument; readonly body: Buffer }> {
  const asked = `GET ${path}`
  if (reply.kind === 'failed') return { kind: 'unreachable', reason: `${asked}: ${reply.reason}` }
  const { status, body } = reply
  if (status === LOOP_DETECTED) return { kind: 'unreachable', reason: LOOP_REASON }
  // A 5xx is an Ollama with a problem, or the proxy of one that is down: it cannot take a job.
  if (status >= 500) return { kind: 'unreachable', reason: `${asked} answered HTTP ${status}` }
  if (status !== 200) return { kind: 'foreign', reason: `${asked} answered HTTP ${status}` }
  const document = jsonObject(body.toString('utf8'))
  if (document !== null) return { kind: 'read', value: { document, body } }
  return { kind: 'foreign', reason: `${asked} answered with something other than a JSON object` }
}

/** Reads the body of /api/tags or /api/ps. */
function modelsOf(path: '/api/tags' | '/api/ps', reply: Reply): ProbeAnswer<Buffer> {
  const read = documentOf(path, reply)
  if (read.kind !== 'read') return read
  const { document, body } = read.value
  // Go writes a nil list as null. Ollama always makes a list; other implementations may not.
  if (Array.isArray(document['models']) || document['models'] === null) return { kind: 'read', value: body }
  return { kind: 'foreign', reason: `GET ${path} answered without a list of models` }
}

function versionOf(reply: Reply): ProbeAnswer<string> {
  const read = documentOf('/api/version', reply)
  if (read.kind !== 'read') return read
  const { document } = read.value
  if (typeof document['version'] === 'string') return { kind: 'read', value: cutTargetText(document['version']) }
  return { kind: 'foreign', reason: 'GET /api/version answered without a version' }
}

export function probeResult(replies: Readonly<Record<Probed, Reply>>): ProbeResult {
  const tags = modelsOf('/api/tags', replies['/api/tags'])
  const ps = modelsOf('/api/ps', replies['/api/ps'])
  const version = versionOf(replies['/api/version'])
  // Unreachable comes before foreign: a proxy's page in front of a sleeping machine says nothing about that machine.
  for (const read of [version, tags, ps])
    if (read.kind === 'unreachable') return { kind: 'unreachable', reason: read.reason }
  for (const read of [version, tags, ps]) if (read.kind === 'foreign') return { kind: 'foreign', reason: read.reason }
  if (tags.kind !== 'read' || ps.kind !== 'read' || version.kind !== 'read') {
    return { kind: 'unreachable', reason: 'no answer' }
  }
  return { kind: 'answered', snapshot: { tags: tags.value, ps: ps.value, version: version.value } }
}

export function pingResult(reply: Reply): PingResult {
  const ps = modelsOf('/api/ps', reply)
  if (ps.kind === 'read') return { kind: 'answered', ps: ps.value }
  return { kind: 'unreachable', reason: ps.kind === 'foreign' ? `not an Ollama: ${ps.reason}` : ps.reason }
}
