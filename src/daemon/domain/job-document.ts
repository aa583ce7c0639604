// Document of a job, for lists, GET /jobs/{id} and webhooks. Pure. It does not contain the prompt, and the model's JSON
// is inserted as text, never parsed and serialised again.

import type {
  ArtifactDocument,
  DeliveryDocument,
  JobDocument,
  JobSummary,
  TimingsDocument,
  UsageDocument,
  WaitingForDocument,
} from '../../protocol/wire.ts'
import type { ArtifactEntry } from './artifact.ts'
import type { Delivery } from './delivery.ts'
import type { Job, QueuePosition } from './job.ts'
import type { WaitingFor } from './wait-reason.ts'

/** What the document needs in addition to the job's row. */
export interface QueueContext {
  readonly maxAttempts: number
  /** See `positionOf`. */
  readonly position: number | null
  /** Milliseconds until the job is likely to be sent; null if unknown, or if it does not wait. */
  readonly etaMs: number | null
  /** Null if it does not wait. */
  readonly waitingFor: WaitingFor | null
}

const iso = (at: number): string => new Date(at).toISOString()
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at))

/** Number of jobs to be sent before this one, the running one included; null if it does not wait. */
export function positionOf(queuePosition: QueuePosition | null, isAnotherRunning: boolean): number | null {
  if (queuePosition === null) return null
  return queuePosition.ahead.reduce((sum, { jobs }) => sum + jobs, 0) + (isAnotherRunning ? 1 : 0)
}

/** Converts it to its wire format. */
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
    label: job.options.label,
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
    error: job.error,
    retry_of: job.retryOf,
  }
}

/** Returns JSON text, because the result is inserted as the target wrote it. `publicUrl`: FOREMAN_PUBLIC_URL. */
export function jobDocument(detail: JobDetail, circumstances: QueueContext, publicUrl: string | null): string {
  const { job, result, deliveries } = detail
  const isOmitted = result !== null && 'omitted' in result
  const document: JobDocument = {
    ...jobSummary(job, circumstances),
    ...(isOmitted ? { result_omitted: true } : {}),
    artifacts: artifactDocuments(detail, publicUrl),
    deliveries: deliveries.map(deliveryDocument),
  }
  const text = JSON.stringify(document)
  return result === null || isOmitted ? text : withRaw(text, 'result', new TextDecoder().decode(result.json))
}

/**
 * Adds a member to the JSON object `text`. Its value is `json` unchanged: 12345678901234567890 would not survive a
 * parser. Line ends, which JSON has only between values, become spaces, so that the document stays on one line.
 */
export function withRaw(text: string, name: string, json: string): string {
  return `${text.slice(0, -1)},${JSON.stringify(name)}:${json.replace(/[\r\n]/g, ' ')}}`
}

/** Never negative, even if the clock was set back. */
const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from)

export function timings(job: Job): TimingsDocument {
  const { createdAt, startedAt, claimedAt, workingAt, finishedAt, measured } = job
  // A job whose affinity was resident is `working` from its claim on.
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

/** An absolute URL with FOREMAN_PUBLIC_URL, else a path. */
export const jobUrl = (id: string, publicUrl: string | null): string =>
  `${publicUrl?.replace(/\/+$/, '') ?? ''}/jobs/${id}`

/**
 * The data of `response` is never included: a receiver would get the answer a third time, after `completion` and
 * `result`.
 */
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

/** Returns null if the body is too large or is not UTF-8. */
function textOf(inline: ArtifactEntry['inline']): string | null {
  if (inline === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(inline)
  } catch {
    return null
  }
}

const deliveryDocument = ({ nextAt, deliveredAt, ...delivery }: Delivery): DeliveryDocument => ({
  ...delivery,
  next_try_at: isoOrNull(nextAt),
  delivered_at: isoOrNull(deliveredAt),
})

/** A job with everything that GET /jobs/{id} and its last webhook show. */
export interface JobDetail {
  readonly job: Job
  readonly artifacts: readonly ArtifactEntry[]
  readonly deliveries: readonly Delivery[]
  /** JSON text; `omitted` if it is larger than INLINE_BYTES; null if there is none. */
  readonly result: { readonly json: Uint8Array<ArrayBuffer> } | { readonly omitted: true } | null
  readonly queuePosition: QueuePosition | null
}
