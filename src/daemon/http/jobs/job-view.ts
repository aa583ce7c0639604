// Owns `GET /jobs/{id}`, and what a job's row does not know of its job: its place, and when it is likely to be sent. It
// waits for a job's end where the caller says so, and changes nothing.

import type { Residency } from '../../domain/affinity.ts'
import type { Job, QueuePosition } from '../../domain/job.ts'
import { jobDocument, positionOf, type QueueContext } from '../../domain/job-document.ts'
import { waitingFor } from '../../domain/wait-reason.ts'
import type { HttpContext } from '../context.ts'
import { JSON_TYPE, refuse, send } from '../respond.ts'
import { waitForEnd } from './job-end.ts'
import { isJobId, jobNotFound } from './job-id.ts'
import type { JobHandler } from './job-request.ts'
import { preferredWait, waitApplied } from './prefer.ts'

export const viewJob: JobHandler = async (context, { id }, req, res) => {
  if (!isJobId(id)) return refuse(context, res, 'jobs', jobNotFound(id))
  const seconds = preferredWait(req.headers)
  if (seconds !== null) await waitForEnd(context, id, seconds * 1000, res)
  const document = await jobDocumentOf(context, id)
  if (document === null) return refuse(context, res, 'jobs', jobNotFound(id))
  send(res, 200, JSON_TYPE, document, {
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...(seconds === null ? {} : waitApplied(seconds)),
  })
}

/** The job as GET /jobs/{id} shows it, as JSON text; null: there is none. */
export async function jobDocumentOf(context: HttpContext, id: string): Promise<string | null> {
  const { residency } = context.dispatcher
  const detail = await context.store.detail(id, residency)
  if (detail === null) return null
  return jobDocument(
    detail,
    circumstancesOf(context, detail.job, detail.queuePosition, residency),
    context.config.publicUrl,
  )
}

/** `residency`: the one that the queuePosition was made with. */
export function circumstancesOf(
  context: HttpContext,
  job: Job,
  queuePosition: QueuePosition | null,
  residency: Residency,
): QueueContext {
  const { maxAttempts } = context.config
  if (queuePosition === null) return { maxAttempts, position: null, etaMs: null, waitingFor: null }
  const { running } = context.dispatcher
  // Its claim may be on its way: the row that was read still waits.
  const isAnotherRunning = running !== null && running.job.id !== job.id
  return {
    maxAttempts,
    position: positionOf(queuePosition, isAnotherRunning),
    etaMs: etaOf(context, job, queuePosition, residency),
    waitingFor: waitingFor(job, queuePosition, context.dispatcher.condition),
  }
}

/** Nobody knows when a queue goes on that is paused, or whose target is away. */
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
    job.affinity,
    residency,
    running === null || running.job.id === job.id
      ? null
      : { affinity: running.job.affinity, runningMs: now - (running.job.claimedAt ?? now) },
  )
  return waitMs === null ? null : Math.max(waitMs, (job.availableAt ?? now) - now)
}
