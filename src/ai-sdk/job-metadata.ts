// A job as the SDK sees it: `providerMetadata.foreman`, and the stream parts with its progress. Pure.

import type { JobDocument } from '../client/index.ts'
import type { JobProgress } from './progress.ts'
import type { JsonObject, ProviderMetadata, StreamPart } from './specification.ts'

/** Times are ISO, durations milliseconds, null while unknown. */
export function metadataOf(job: JobDocument): ProviderMetadata {
  return {
    foreman: {
      jobId: job.job_id,
      state: job.state,
      position: job.position,
      attempt: job.attempt,
      maxAttempts: job.max_attempts,
      label: job.label,
      queueMs: job.timings.queue_ms,
      loadMs: job.timings.load_ms,
      runMs: job.timings.run_ms,
      createdAt: job.created_at,
      startedAt: job.started_at,
      finishedAt: job.finished_at,
      doneReason: job.done_reason,
    },
  }
}

/** Raw parts reach only callers that asked for them; custom parts become part of the message. */
export function statePartsOf(progress: JobProgress, isRaw: boolean, isCustom: boolean): StreamPart[] {
  const foreman: JsonObject = { ...progress }
  return [
    ...(isRaw ? [{ type: 'raw', rawValue: { foreman } } as const] : []),
    ...(isCustom ? [{ type: 'custom', kind: 'foreman.state', providerMetadata: { foreman } } as const] : []),
  ]
}
