// Owns what a caller gets for work that is on disk: the 202 with its place in the queue and where to look for it, or the
// finished job, if he said that he would wait for it. It changes nothing.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReceiptDocument } from '../../../protocol/wire.ts'
import type { Job, QueuePosition } from '../../domain/job.ts'
import { jobUrl, positionOf } from '../../domain/job-document.ts'
import type { HttpContext } from '../context.ts'
import { JSON_TYPE, send, sendJson } from '../respond.ts'
import { waitForEnd } from './job-end.ts'
import { jobDocumentOf } from './job-view.ts'
import { preferredWait, waitApplied } from './prefer.ts'

/** A job, and where it stands. */
export interface ReceiptPosition {
  readonly job: Job
  readonly queuePosition: QueuePosition | null
}

/** As the store shows it now; `job` itself, if it has been deleted since. */
export async function placeOf({ store, dispatcher }: HttpContext, job: Job): Promise<ReceiptPosition> {
  return (await store.detail(job.id, dispatcher.residency)) ?? { job, queuePosition: null }
}

function receiptDocument(context: HttpContext, { job, queuePosition }: ReceiptPosition): ReceiptDocument {
  const self = jobUrl(job.id, context.config.publicUrl)
  const { running } = context.dispatcher
  return {
    job_id: job.id,
    state: job.state,
    position: positionOf(queuePosition, running !== null && running.job.id !== job.id),
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  }
}

/** Answers for a job: 202, or 200 with the finished job where `Prefer: wait` was asked for and it was over in time. */
export async function sendReceipt(
  context: HttpContext,
  place: ReceiptPosition,
  req: IncomingMessage,
  res: ServerResponse,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { id } = place.job
  const headers = {
    Location: jobUrl(id, context.config.publicUrl),
    'X-Foreman-Job-Id': id,
    'Cache-Control': 'no-store',
    ...more,
  }
  const seconds = preferredWait(req.headers)
  if (seconds === null) return sendJson(res, 202, receiptDocument(context, place), headers)
  const waited = { ...headers, ...waitApplied(seconds) }
  const document = (await waitForEnd(context, id, seconds * 1000, res)) ? await jobDocumentOf(context, id) : null
  if (document !== null) return sendJob(res, document, waited)
  sendJson(res, 202, receiptDocument(context, await placeOf(context, place.job)), waited)
}

/** 200 with a job's document, which is JSON text already. */
export function sendJob(res: ServerResponse, document: string, headers: Readonly<Record<string, string>> = {}): void {
  send(res, 200, JSON_TYPE, document, {
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  })
}
