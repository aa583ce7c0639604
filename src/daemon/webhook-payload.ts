// Owns the body of a webhook: the state change, and with the final one what GET /jobs/{id} would show. Pure; the prompt is
// not in it, and what the model wrote is never parsed and written anew.

import type { WebhookPayload } from '../protocol/webhook.ts'
import { isFinal, type Job, type StateChange } from './job.ts'
import type { JobDetail } from './store/store.ts'

/** @param detail null: the change is not the final one, and nothing else is told */
export function webhookBody(
  change: StateChange,
  job: Job,
  detail: JobDetail | null,
  publicUrl: string | null,
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
  if (detail === null || !isFinal(change.state)) return encode(JSON.stringify(payload))
  const { result } = detail
  const whole: WebhookPayload = {
    ...payload,
    timings: timings(job),
    usage: usage(job),
    error: errorDocument(job),
    artifacts: artifactDocuments(detail, publicUrl),
    ...(result !== null && 'omitted' in result ? { result_omitted: true } : {}),
  }
  const text = JSON.stringify(whole)
  if (result === null || 'omitted' in result) return encode(text)
  // The target's own bytes: a number like 12345678901234567890 would not survive a parser.
  return joined([encode(`${text.slice(0, -1)},"result":`), result.json, encode('}')])
}

const encoder = new TextEncoder()
const encode = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text)

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

// Until job-document.ts is there.
const timings = (job: Job) => ({
  queue_ms: job.startedAt === null ? null : job.startedAt - job.createdAt,
  load_ms: job.measured?.loadMs ?? null,
  run_ms: job.claimedAt === null || job.finishedAt === null ? null : job.finishedAt - job.claimedAt,
})
const usage = (job: Job) =>
  job.measured === null
    ? null
    : { prompt_tokens: job.measured.promptTokens, completion_tokens: job.measured.completionTokens }
const errorDocument = (job: Job) => job.error
const artifactDocuments = ({ job, artifacts }: JobDetail, publicUrl: string | null) =>
  artifacts.map(({ name, contentType, bytes, inline }) => ({
    name,
    content_type: contentType,
    bytes,
    ...(inline === null
      ? { url: `${publicUrl ?? ''}/jobs/${job.id}/artifacts/${name}` }
      : { data: new TextDecoder().decode(inline) }),
  }))
