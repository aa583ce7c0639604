// `GET /jobs/{id}`: one job, with its position in the queue and the estimate of its start, which are not in its row. With
// `Prefer: wait` it waits for the job's end.

import type { Residency } from '../../domain/affinity.ts'
import type { Job, QueuePosition } from '../../domain/job.ts'
import { type JobDetail, jobDocument, positionOf, type QueueContext } from '../../domain/job-document.ts'
import { waitingFor } from '../../domain/wait-reason.ts'
import type { HttpContext } from '../context.ts'
import { sendJson } from '../respond.ts'
import { type JobHandler, jobNotFound } from './job-id.ts'
import { preferredWait, waitApplied, waitForEnd } from './prefer-wait.ts'

export const viewJob: JobHandler = async (call, id) => {
  const { context, req, res } = call
  const seconds = preferredWait(req.headers)
  if (seconds !== null) await waitForEnd(context, id, seconds * 1000, res)
  const document = await jobDocumentOf(context, id)
  if (document === null) return call.refuse(jobNotFound(id))
  sendJson(res, 200, document, seconds === null ? {} : waitApplied(seconds))
}

/** The job as GET /jobs/{id} shows it, as JSON text. Returns null for an unknown job. */
export async function jobDocumentOf(context: HttpContext, id: string): Promise<string | null> {
  const { residency } = context.dispatcher
  const detail = await context.store.detail(id, residency)
  if (detail === null) return null
  return jobDocument(detail, queueContextOf(context, detail, residency), context.config.publicUrl)
}

/** A job and its position in the queue; null once it no longer waits. */
export type PlacedJob = Pick<JobDetail, 'job' | 'queuePosition'>

/** @param residency the one that `queuePosition` was computed with */
export function queueContextOf(
  context: HttpContext,
  { job, queuePosition }: PlacedJob,
  residency: Residency,
): QueueContext {
  const { maxAttempts } = context.config
  if (queuePosition === null) return { maxAttempts, position: null, etaMs: null, waitingFor: null }
  const { running } = context.dispatcher
  // The job itself may be running: it was claimed after its row was read.
  const isAnotherRunning = running !== null && running.job.id !== job.id
  return {
    maxAttempts,
    position: positionOf(queuePosition, isAnotherRunning),
    etaMs: etaOf(context, job, queuePosition, residency),
    waitingFor: waitingFor(job, queuePosition, context.dispatcher.condition),
  }
}

/** Returns null while the queue is paused or the target is unreachable: then the end of the wait is unknown. */
function etaOf(
  { dispatcher, prober, clock }: HttpContext,
  job: Job,
  queuePosition: QueuePosition,
  residency: Residency,
): number | null {
  if (dispatcher.paused || prober.status.reachable === false) return null
  const { running } = dispatcher
  const now = clock.now()
  const waitMs = dispatcher.runTimes.waitMs(
    queuePosition,
    residency,
    running === null || running.job.id === job.id
      ? null
      : { affinity: running.job.affinity, runningMs: now - (running.job.claimedAt ?? now) },
  )
  return waitMs === null ? null : Math.max(waitMs, (job.availableAt ?? now) - now)
}
