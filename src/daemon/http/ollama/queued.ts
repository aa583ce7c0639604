// Calls that wait in the queue: reads the body, and from it what foreman routes by. The call then becomes a job (live.ts).
// A call that only unloads a model goes to the target at once.

import type { EndpointPath } from '../../domain/endpoint.ts'
import { decodeBody } from '../../request/content-coding.ts'
import { readSubmission } from '../../request/submission.ts'
import type { Call } from '../call.ts'
import { targetVersion } from '../respond.ts'
import { fingerprint } from '../retry.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

export async function queue(call: Call, endpoint: EndpointPath): Promise<void> {
  const { context, req, res } = call
  const { slices } = call.shared
  const read = await call.body()
  if (read === null) return
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
    return call.refuse(reading)
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
  forward({ context, res, surface: call.route.surface, request: unload, onOver })
}
