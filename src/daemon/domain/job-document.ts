// Owns the one mapping from a job to what is shown of it, in lists, in GET /jobs/{id} and in webhooks. Pure; the prompt is
// not in it, and what the model wrote is put in as it is, never parsed and written anew.

import type {
  ArtifactDocument,
  DeliveryDocument,
  JobDocument,
  JobErrorDocument,
  JobSummary,
  TimingsDocument,
  UsageDocument,
  WaitingForDocument,
} from '../../protocol/wire.ts'
import type { ArtifactEntry } from './artifact.ts'
import type { Delivery } from './delivery.ts'
import type { Job, JobError, QueuePosition } from './job.ts'
import type { WaitingFor } from './wait-reason.ts'

/** What a job's row does not know of it. */
export interface QueueContext {
  readonly maxAttempts: number
  /** See `positionOf`. */
  readonly position: number | null
  /** Milliseconds until it is likely to be sent; null = not known, or it does not wait. */
  readonly etaMs: number | null
  /** Null when it does not wait. */
  readonly waitingFor: WaitingFor | null
}

const iso = (at: number): string => new Date(at).toISOString()
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at))

/** Jobs to be sent before it, the running one included; null when it does not wait. */
export function positionOf(queuePosition: QueuePosition | null, isAnotherRunning: boolean): number | null {
  if (queuePosition === null) return null
  return queuePosition.ahead.reduce((sum, { jobs }) => sum + jobs, 0) + (isAnotherRunning ? 1 : 0)
}

/** As it is on the wire. */
export function waitingForDocument(waiting: WaitingFor | null): WaitingForDocument | null {
  if (waiting === null) return null
  const { reason, since } = waiting
  const until = 'until' in waiting ? waiting.until : null
  return {
    reason,
    since: iso(since),
    ...(until === null ? {} : { until: iso(until) }),
    ...(waiting.reason === 'running' && waiting.jobId !== null ? { job_id: waiting.jobId } : {}),
    ...(waiting.reason === 'draining' ? { affinity: waiting.affinity } : {}),
  }
}

export function jobSummary(job: Job, { maxAttempts, position, etaMs, waitingFor }: QueueContext): JobSummary {
  return {
    job_id: job.id,
    state: job.state,
    model: job.model,
    endpoint: job.endpoint,
    label: job.wishes.label,
    attempt: job.attempt,
    max_attempts: maxAttempts,
    position,
    ...(etaMs === null ? {} : { eta_seconds: Math.ceil(etaMs / 1000) }),
    waiting_for: waitingForDocument(waitingFor),
    created_at: iso(job.createdAt),
    started_at: isoOrNull(job.startedAt),
    finished_at: isoOrNull(job.finishedAt),
    timings: timings(job),
    usage: usage(job),
    done_reason: job.measured?.doneReason ?? null,
    error: errorDocument(job),
    retry_of: job.retryOf,
  }
}

/** As JSON text, because the result goes in as the target wrote it. `publicUrl`: FOREMAN_PUBLIC_URL. */
export function jobDocument(detail: JobDetail, circumstances: QueueContext, publicUrl: string | null): string {
  const { job, result, deliveries } = detail
  const isOmitted = result !== null && 'omitted' in result
  const document: JobDocument = {
    ...jobSummary(job, circumstances),
    ...(isOmitted ? { result_omitted: true } : {}),
    artifacts: artifactDocuments(detail, publicUrl),
    deliveries: deliveryDocuments(deliveries),
  }
  const text = JSON.stringify(document)
  return result === null || isOmitted ? text : withRaw(text, 'result', new TextDecoder().decode(result.json))
}

/**
 * The object `text` with one member more, whose value is `json` as it stands: 12345678901234567890 would not survive a
 * parser. Line ends, which JSON has between its values only, become spaces, so that it stays one line.
 */
export function withRaw(text: string, name: string, json: string): string {
  return `${text.slice(0, -1)},${JSON.stringify(name)}:${json.replace(/[\r\n]/g, ' ')}}`
}

/** A clock that jumped back makes no negative duration. */
const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from)

export function timings(job: Job): TimingsDocument {
  const { createdAt, startedAt, claimedAt, workingAt, finishedAt, measured } = job
  // A claim of what is resident is `working` from the start.
  const wasResident = claimedAt === workingAt
  return {
    queue_ms: between(createdAt, startedAt),
    load_ms: measured?.loadMs ?? (wasResident ? null : between(claimedAt, workingAt)),
    run_ms: between(claimedAt, finishedAt),
    eval_ms: measured?.evalMs ?? null,
  }
}

export function usage({ measured }: Job): UsageDocument | null {
  const { promptTokens = null, completionTokens = null, cachedTokens = null } = measured ?? {}
  if (promptTokens === null && completionTokens === null) return null
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, cached_prompt_tokens: cachedTokens }
}

export const errorDocument = ({ error }: { readonly error: JobError | null }): JobErrorDocument | null =>
  error === null ? null : { code: error.code, message: error.message, status: error.status }

/** Absolute with FOREMAN_PUBLIC_URL, else a path. */
export const jobUrl = (id: string, publicUrl: string | null): string =>
  `${publicUrl?.replace(/\/+$/, '') ?? ''}/jobs/${id}`

/** The `response` never comes along: a receiver would get the answer a third time, beside `completion` and `result`. */
export function artifactDocuments(
  { job, artifacts }: Pick<JobDetail, 'job' | 'artifacts'>,
  publicUrl: string | null,
  isSlim = false,
): ArtifactDocument[] {
  return artifacts.map(({ name, contentType, bytes, inline }) => {
    const data = isSlim || name === 'response' ? null : textOf(inline)
    const where = data === null ? { url: `${jobUrl(job.id, publicUrl)}/artifacts/${name}` } : { data }
    return { name, content_type: contentType, bytes, ...where }
  })
}

/** Null: it is large, or no UTF-8. */
function textOf(inline: ArtifactEntry['inline']): string | null {
  if (inline === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(inline)
  } catch {
    return null
  }
}

export function deliveryDocuments(deliveries: readonly Delivery[]): DeliveryDocument[] {
  return deliveries.map(({ n, state, status, tries, reason, nextAt, deliveredAt }) => ({
    n,
    state,
    status,
    tries,
    reason,
    next_try_at: isoOrNull(nextAt),
    delivered_at: isoOrNull(deliveredAt),
  }))
}

/** A job with all that GET /jobs/{id} and its last webhook show. */
export interface JobDetail {
  readonly job: Job
  readonly artifacts: readonly ArtifactEntry[]
  readonly deliveries: readonly Delivery[]
  /** JSON text; null: none, or larger than INLINE_BYTES (`omitted`). */
  readonly result: { readonly json: Uint8Array<ArrayBuffer> } | { readonly omitted: true } | null
  readonly queuePosition: QueuePosition | null
}
