// Owns what comes before a blocked call: its body is read, and what foreman routes by is read out of it. From there on it
// is a job (live.ts), unless it only unloads a model: that goes to the target at once.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EndpointPath } from '../../domain/endpoint.ts'
import { decodeBody } from '../../request/content-coding.ts'
import { readSubmission } from '../../request/submission.ts'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { refuse, type Surface, targetVersion } from '../respond.ts'
import { fingerprint } from '../retry.ts'
import type { SliceRunner } from '../slice-runner.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

export async function queue(
  context: HttpContext,
  bodies: RequestBodies,
  slices: SliceRunner,
  endpoint: EndpointPath,
  surface: Surface,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const read = await bodies.read(req, res)
  if (read.kind === 'gone') return
  if (read.kind === 'refused') return refuse(context, res, surface, read.error)
  const { body } = read
  const { 'content-type': contentType = null, 'content-encoding': contentEncoding = null } = req.headers
  const settings = { version: targetVersion(context), knownModel: context.knownModel }
  const isGone = (): boolean => res.destroyed
  const coding = await decodeBody(body, contentType, contentEncoding)
  const request = { body, contentType, contentEncoding, coding }
  const reading = await slices.run(readSubmission(endpoint, request, settings), isGone)
  if (reading === null) return read.release()
  if (reading.kind === 'refused') {
    read.release()
    return refuse(context, res, surface, reading)
  }
  if (reading.kind === 'submission') {
    const { submission } = reading
    const print = await slices.run(fingerprint(submission, req.headers, req.socket.remoteAddress ?? ''), isGone)
    // From here on the bytes count against FOREMAN_MAX_QUEUE_BYTES.
    read.release()
    return print === null ? undefined : context.live.handle(req, res, submission, print)
  }
  const onOver = (): void => {
    read.release()
    context.prober.soon('unload')
  }
  const unload = {
    method: 'POST',
    path: endpoint,
    headers: forwardedHeaders(req.headers),
    body: reading.submission.body,
  }
  forward({ context, res, surface, request: unload, onOver })
}
