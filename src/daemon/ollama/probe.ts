// Meaning of the three answers of a probe: an inventory, an unreachable target, or a server that is not Ollama. Pure: send.ts asks,
// and the inventory is read elsewhere.

import { type JsonDocument, jsonObject } from '../../protocol/json.ts'
import { LOOP_REASON } from '../domain/hop.ts'
import { cutTargetText } from '../domain/target-text.ts'
import type { Bounds, Reply } from './question.ts'
import type { PingResult, ProbeResult } from './target.ts'

export type Probed = '/api/tags' | '/api/ps' | '/api/version'

const MIB = 1024 ** 2
const LOOP_DETECTED = 508
/** A few thousand models make 4 MiB of tags. Parsing 8 MiB can cost 160 MB. */
export const maxBytesOf = (path: Probed): Bounds['maxBytes'] => (path === '/api/tags' ? 8 * MIB : 4 * MIB)

type Failure = Exclude<ProbeResult, { kind: 'answered' }>
type Read = Failure | { readonly kind: 'read'; readonly document: JsonDocument; readonly body: Buffer }

const foreign = (reason: string): Failure => ({ kind: 'foreign', reason })

function documentOf(path: Probed, reply: Reply): Read {
  const asked = `GET ${path}`
  if (reply.kind === 'failed') return { kind: 'unreachable', reason: `${asked}: ${reply.reason}` }
  const { status, body } = reply
  if (status === LOOP_DETECTED) return { kind: 'unreachable', reason: LOOP_REASON }
  // A 5xx is an Ollama with a problem, or the proxy of one that is down: it cannot take a job.
  if (status >= 500) return { kind: 'unreachable', reason: `${asked} answered HTTP ${status}` }
  if (status !== 200) return foreign(`${asked} answered HTTP ${status}`)
  const document = jsonObject(body.toString('utf8'))
  if (document === null) return foreign(`${asked} answered with something other than a JSON object`)
  return { kind: 'read', document, body }
}

/** Reads the body of /api/tags or /api/ps. */
function modelsOf(path: '/api/tags' | '/api/ps', reply: Reply): Read {
  const read = documentOf(path, reply)
  if (read.kind !== 'read') return read
  const { models } = read.document
  // Go writes a nil list as null. Ollama always makes a list; other implementations may not.
  return Array.isArray(models) || models === null ? read : foreign(`GET ${path} answered without a list of models`)
}

function versionOf(reply: Reply): Read {
  const read = documentOf('/api/version', reply)
  if (read.kind !== 'read' || typeof read.document['version'] === 'string') return read
  return foreign('GET /api/version answered without a version')
}

export function probeResult(tagsReply: Reply, psReply: Reply, versionReply: Reply): ProbeResult {
  const [version, tags, ps] = [versionOf(versionReply), modelsOf('/api/tags', tagsReply), modelsOf('/api/ps', psReply)]
  if (version.kind === 'read' && tags.kind === 'read' && ps.kind === 'read') {
    const text = cutTargetText(String(version.document['version']))
    return { kind: 'answered', snapshot: { tags: tags.body, ps: ps.body, version: text } }
  }
  // Unreachable comes before foreign: a proxy's page in front of a sleeping machine says nothing about that machine.
  const failures = [version, tags, ps].filter((read) => read.kind !== 'read')
  return failures.find(({ kind }) => kind === 'unreachable') ?? (failures[0] as Failure)
}

export function pingResult(reply: Reply): PingResult {
  const ps = modelsOf('/api/ps', reply)
  if (ps.kind === 'read') return { kind: 'answered', ps: ps.body }
  return { kind: 'unreachable', reason: ps.kind === 'foreign' ? `not an Ollama: ${ps.reason}` : ps.reason }
}
