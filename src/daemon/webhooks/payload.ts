// Body of a webhook: the state change, and with the final one the document of GET /jobs/{id}. Pure. It does not contain
// the prompt, and the model's JSON is inserted as text, never parsed and serialised again.

import type { WebhookPayload } from '../../protocol/webhook.ts'
import { isFinal, type Job, type StateChange } from '../domain/job.ts'
import type { JobDetail } from '../domain/job-document.ts'
import { artifactDocuments, timings, usage, withRaw } from '../domain/job-document.ts'

export interface PayloadForm {
  /** FOREMAN_PUBLIC_URL. */
  readonly publicUrl: string | null
  /** Artifacts only as URLs, and no result: the receiver found the full webhook too large. */
  readonly isSlim: boolean
}

/** @param detail null unless the change is the final one */
export function webhookBody(
  change: StateChange,
  job: Job,
  detail: JobDetail | null,
  form: PayloadForm,
): Uint8Array<ArrayBuffer> {
  const payload: WebhookPayload = {
    type: `job.${change.state}`,
    sequence: change.number,
    job_id: job.id,
    state: change.state,
    previous_state: change.previous,
    timestamp: new Date(change.at).toISOString(),
    model: job.model,
    attempt: change.attempt,
  }
  return new TextEncoder().encode(
    detail === null || !isFinal(change.state) ? JSON.stringify(payload) : withEnd(payload, detail, form),
  )
}

function withEnd(payload: WebhookPayload, detail: JobDetail, { publicUrl, isSlim }: PayloadForm): string {
  const { job, result } = detail
  const isOmitted = result !== null && (isSlim || 'omitted' in result)
  const whole: WebhookPayload = {
    ...payload,
    timings: timings(job),
    usage: usage(job),
    error: job.error,
    artifacts: artifactDocuments(detail, publicUrl, isSlim),
    ...(isOmitted ? { result_omitted: true } : {}),
  }
  const text = JSON.stringify(whole)
  return result === null || isSlim || 'omitted' in result
    ? text
    : withRaw(text, 'result', new TextDecoder().decode(result.json))
}
