// Owns the plain direct routes: reads that Ollama answers by itself. The request is read whole (it is bounded like any
// other), the answer streams.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext } from '../context.ts'
import { isBodiless } from '../gate/framing.ts'
import type { RequestBodies } from '../request-body.ts'
import { hasBody, refuse } from '../respond.ts'
import type { Route } from '../routes.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

export async function passThrough(
  context: HttpContext,
  bodies: RequestBodies,
  route: Route,
  query: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const path = route.path + query
  const method = req.method ?? 'GET'
  const headers = forwardedHeaders(req.headers)
  const { surface } = route
  if (!hasBody(req)) return forward({ context, res, surface, request: { method, path, headers, body: null } })
  const read = await bodies.read(req, res)
  if (read.kind === 'gone') return
  if (read.kind === 'refused') return refuse(context, res, surface, read.error)
  const { body, release } = read
  forward({
    context,
    res,
    surface,
    request: { method, path, headers, body: isBodiless(method) ? null : body },
    onOver: release,
  })
}
