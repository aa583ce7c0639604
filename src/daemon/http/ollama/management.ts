// Routes that change the models of the target: pull, push, create, copy, delete, blobs. They are off unless
// FOREMAN_ALLOW_MANAGEMENT is true: Ollama's critical CVEs are in these routes. Bodies are streamed, never buffered.

import type { Call } from '../call.ts'
import { hasBody, ownError } from '../respond.ts'
import { forward } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

/** What Ollama accepts as a digest (manifest.BlobsPath of 0.17.4). Anything else never becomes part of a path. */
const DIGEST = /^sha256[:-][0-9a-fA-F]{64}$/

export function manage(call: Call): void {
  const { context, route, req, res } = call
  if (!context.config.allowManagement) return call.refuse(ownError('management_disabled'))
  const [parameter = ''] = call.parameters
  if (route.path.endsWith('{digest}') && !DIGEST.test(parameter))
    return call.refuse({ status: 400, message: 'invalid digest format', code: null })
  const headers = forwardedHeaders(req.headers)
  const length = req.headers['content-length']
  if (hasBody(req) && length !== undefined) headers['content-length'] = length
  const upload = hasBody(req) ? call.shared.bodies.stream(req, res) : null
  const request = {
    method: req.method ?? 'POST',
    path: route.path.replace(/\{\w+\}$/, () => encodeURIComponent(parameter).replaceAll('%3A', ':')) + call.query,
    headers,
    body: upload,
  }
  const drain = async (): Promise<void> => {
    if (upload !== null) for await (const _ of upload);
  }
  const onOver = (): void => context.prober.soon('management')
  forward({ context, res, surface: route.surface, request, onOver, ...(upload === null ? {} : { drain }) })
}
