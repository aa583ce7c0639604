// Owns the routes that change what the target has: pull, push, create, copy, delete, blobs. Switched off unless
// FOREMAN_ALLOW_MANAGEMENT says otherwise, because this is where Ollama's critical CVEs live. Streamed, never buffered.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { hasBody, refuse } from '../respond.ts'
import type { Route } from '../routes.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

export interface ManagementCall {
  readonly route: Route
  /** The value of the `{…}` in the path; empty if it has none. */
  readonly parameter: string
  /** With its question mark; else empty. */
  readonly query: string
}

/** What Ollama takes for a digest (manifest.BlobsPath of 0.17.4); anything else never becomes part of a path. */
const DIGEST = /^sha256[:-][0-9a-fA-F]{64}$/

export function manage(
  context: HttpContext,
  bodies: RequestBodies,
  { route, parameter, query }: ManagementCall,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  if (route.path.endsWith('{digest}') && !DIGEST.test(parameter)) {
    return refuse(context, res, route.surface, { status: 400, message: 'invalid digest format', code: null })
  }
  const headers = forwardedHeaders(req.headers)
  const length = req.headers['content-length']
  if (hasBody(req) && length !== undefined) headers['content-length'] = length
  const upload = hasBody(req) ? bodies.stream(req, res) : null
  const request = {
    method: req.method ?? 'POST',
    path: route.path.replace(/\{\w+\}$/, () => encodeURIComponent(parameter).replaceAll('%3A', ':')) + query,
    headers,
    body: upload,
  }
  const drain = async (): Promise<void> => {
    if (upload !== null) for await (const _ of upload);
  }
  const onOver = (): void => context.prober.soon('management')
  forward({ context, res, surface: route.surface, request, onOver, ...(upload === null ? {} : { drain }) })
}
