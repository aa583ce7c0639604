// Owns what the answers to the three questions of a probe mean: an inventory, a target that is not there, or something
// that is no Ollama. Pure: the questions are asked by send.ts, what the inventory says is read elsewhere.

import { LOOP_REASON } from '../domain/hop.ts'
import { cutTargetText } from '../domain/target-text.ts'
import type { Bounds, Reply } from './question.ts'
import type { PingResult, ProbeResult } from './target.ts'

export const PROBED = ['/api/tags', '/api/ps', '/api/version'] as const
export type Probed = (typeof PROBED)[number]

const MIB = 1024 ** 2
const LOOP_DETECTED = 508
/** A few thousand models fill 4 MiB of tags. Twice as much, parsed, can cost 160 MB. */
export const maxBytesOf = (path: Probed): Bounds['maxBytes'] => (path === '/api/tags' ? 8 * MIB : 4 * MIB)

type ProbeAnswer<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'unreachable' | 'foreign'; readonly reason: string }

function documentOf(path: Probed, reply: Reply): ProbeAnswer<{ readonly document: object; readonly body: Buffer }> {
  const asked = `GET ${path}`
  if (reply.kind === 'failed') return { kind: 'unreachable', reason: `${asked}: ${reply.reason}` }
  const { status, body } = reply
  if (status === LOOP_DETECTED) return { kind: 'unreachable', reason: LOOP_REASON }
  // A 5xx is an Ollama in trouble, or the proxy before one that is down: either way nobody to send a job to.
  if (status >= 500) return { kind: 'unreachable', reason: `${asked} answered HTTP ${status}` }
  if (status !== 200) return { kind: 'foreign', reason: `${asked} answered HTTP ${status}` }
  try {
    const document: unknown = JSON.parse(body.toString('utf8'))
    if (typeof document === 'object' && document !== null) return { kind: 'read', value: { document, body } }
  } catch {
    // Said below: not JSON and not an object are one finding.
  }
  return { kind: 'foreign', reason: `${asked} answered with something that is no JSON object` }
}

/** The body of /api/tags or /api/ps, if it is one. */
function modelsOf(path: '/api/tags' | '/api/ps', reply: Reply): ProbeAnswer<Buffer> {
  const read = documentOf(path, reply)
  if (read.kind !== 'read') return read
  const { document, body } = read.value
  // Go writes an empty list that nobody made as null; Ollama makes its own, imitators need not.
  if ('models' in document && (Array.isArray(document.models) || document.models === null))
    return { kind: 'read', value: body }
  return { kind: 'foreign', reason: `GET ${path} answered without a list of models` }
}

function versionOf(reply: Reply): ProbeAnswer<string> {
  const read = documentOf('/api/version', reply)
  if (read.kind !== 'read') return read
  const { document } = read.value
  if ('version' in document && typeof document.version === 'string')
    return { kind: 'read', value: cutTargetText(document.version) }
  return { kind: 'foreign', reason: 'GET /api/version answered without a version' }
}

export function probeResult(replies: Readonly<Record<Probed, Reply>>): ProbeResult {
  const tags = modelsOf('/api/tags', replies['/api/tags'])
  const ps = modelsOf('/api/ps', replies['/api/ps'])
  const version = versionOf(replies['/api/version'])
  // What is not there outweighs what is odd: a proxy's page in front of a sleeping machine is no verdict on it.
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
