// Routes that are passed on at once. The request body is read whole, with the limits of every other body; the answer is
// streamed.

import type { Call } from '../call.ts'
import { isBodiless } from '../gate/framing.ts'
import { hasBody } from '../respond.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

export async function passThrough(call: Call): Promise<void> {
  const { context, req, res } = call
  const { surface, path } = call.route
  const { method = 'GET' } = req
  const request = { method, path: path + call.query, headers: forwardedHeaders(req.headers) }
  if (!hasBody(req)) return forward({ context, res, surface, request: { ...request, body: null } })
  const read = await call.body()
  if (read === null) return
  const { body, release } = read
  forward({
    ...{ context, res, surface, onOver: release },
    request: { ...request, body: isBodiless(method) ? null : body },
  })
}
