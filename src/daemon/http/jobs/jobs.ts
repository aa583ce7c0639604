// Owns which handler a request of `/jobs…` gets: THE table of its calls. It answers nothing itself, but that a daemon which
// stops changes nothing more; reading goes on until the port closes.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { ownError, refuse } from '../respond.ts'
import type { SliceRunner } from '../slice-runner.ts'
import { sendArtifact } from './artifact.ts'
import { streamEvents } from './events.ts'
import { cancelJob, forgetJob, redeliver, retryJob } from './job-actions.ts'
import { listJobs } from './job-list.ts'
import type { JobHandler } from './job-request.ts'
import { viewJob } from './job-view.ts'
import { submitJob } from './submit.ts'

/** By path and method; HEAD is a GET whose body Node leaves out. */
const CALLS: Readonly<Record<string, JobHandler>> = {
  'GET /jobs': listJobs,
  'GET /jobs/{id}': viewJob,
  'GET /jobs/{id}/events': streamEvents,
  'GET /jobs/{id}/artifacts/{name}': sendArtifact,
  'POST /jobs/{id}/cancel': cancelJob,
  'POST /jobs/{id}/retry': retryJob,
  'POST /jobs/{id}/deliveries/{n}/redeliver': redeliver,
  'DELETE /jobs/{id}': forgetJob,
}

export interface JobsRoute {
  /** Of the table of routes. */
  readonly path: string
  readonly parameters: readonly string[]
  /** With its question mark; may be empty. */
  readonly query: string
}

export function answerJobs(
  context: HttpContext,
  bodies: RequestBodies,
  slices: SliceRunner,
  { path, parameters, query }: JobsRoute,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> | void {
  const method = req.method === 'HEAD' ? 'GET' : (req.method ?? 'GET')
  if (method !== 'GET' && context.phase === 'stopping') return refuse(context, res, 'jobs', ownError('shutting_down'))
  const call = CALLS[`${method} ${path}`]
  if (call === undefined) return submitJob(context, bodies, slices, req, res)
  const [id = '', name = ''] = parameters
  return call(context, { id, name, query: new URLSearchParams(query) }, req, res)
}
