// Calls that wait in the queue: reads the body, and from it what foreman routes by. The call then becomes a job (live.ts).
// A call that only unloads a model goes to the target at once.

import type { EndpointPath } from '../../domain/endpoint.ts'
import { readSubmission } from '../../request/submission.ts'
import { readRequest } from '../admission.ts'
import type { Call } from '../call.ts'
import { forward, requestOf } from './forward.ts'
import { fingerprint } from './orphans.ts'

export async function queue(call: Call, endpoint: EndpointPath): Promise<void> {
  const { context, req, res } = call
  const received = await call.body()
  if (received === null) return
  const { body, release } = received
  const isGone = (): boolean => res.destroyed
  const reading = await readRequest(call, body, (...request) => readSubmission(endpoint, ...request), isGone)
  if (reading === null) return release()
  if (reading.kind === 'refused') {
    release()
    return call.refuse(reading)
  }
  const { submission } = reading
  if (reading.kind === 'unload') {
    const onOver = (): void => {
      release()
      context.prober.soon('unload')
    }
    return forward(call, requestOf(call, submission.body), { onOver })
  }
  const print = await call.shared.slices.run(
    fingerprint(submission, req.headers, req.socket.remoteAddress ?? ''),
    isGone,
  )
  // From here on the bytes count against FOREMAN_MAX_QUEUE_BYTES.
  release()
  const error = print === null ? null : await context.live.handle(req, res, submission, print)
  if (error !== null) call.refuse(error)
}
