// Receipt for a job that is on disk: a 202 with its position in the queue and its URLs. A caller that sent `Prefer: wait`
// gets the finished job instead, if it is over in time.

import type { ReceiptDocument } from '../../../protocol/wire.ts'
import type { Job } from '../../domain/job.ts'
import { jobUrl, positionOf } from '../../domain/job-document.ts'
import type { Call } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { sendJson } from '../respond.ts'
import { jobDocumentOf, type PlacedJob } from './job-view.ts'
import { preferredWait, waitApplied, waitForEnd } from './prefer-wait.ts'

/** Reads the job anew. Returns `job` itself if it has been deleted since. */
export async function receiptPosition({ store, dispatcher }: HttpContext, job: Job): Promise<PlacedJob> {
  return (await store.detail(job.id, dispatcher.residency)) ?? { job, queuePosition: null }
}

function receiptDocument(context: HttpContext, { job, queuePosition }: PlacedJob): ReceiptDocument {
  const self = jobUrl(job.id, context.config.publicUrl)
  const { running } = context.dispatcher
  return {
    job_id: job.id,
    state: job.state,
    position: positionOf(queuePosition, running !== null && running.job.id !== job.id),
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  }
}

/** @param more further headers */
export async function sendReceipt({ context, req, res }: Call, place: PlacedJob, more = {}): Promise<void> {
  const { id } = place.job
  const headers = { Location: jobUrl(id, context.config.publicUrl), 'X-Foreman-Job-Id': id, ...more }
  const seconds = preferredWait(req.headers)
  if (seconds === null) return sendJson(res, 202, receiptDocument(context, place), headers)
  const waited = { ...headers, ...waitApplied(seconds) }
  const document = (await waitForEnd(context, id, seconds * 1000, res)) ? await jobDocumentOf(context, id) : null
  if (document !== null) return sendJson(res, 200, document, waited)
  sendJson(res, 202, receiptDocument(context, await receiptPosition(context, place.job)), waited)
}
