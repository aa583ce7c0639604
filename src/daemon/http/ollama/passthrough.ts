// Routes that are passed on at once: `direct` ones with a body that is read whole, and those that change the models of the
// target, whose bodies are streamed. The latter are off unless FOREMAN_ALLOW_MANAGEMENT is true: Ollama's critical CVEs are
// in them.

import type { Call } from '../call.ts'
import { isBodiless } from '../gate/framing.ts'
import { hasBody, ownError } from '../respond.ts'
import { forward, requestOf } from './forward.ts'

/** The request body has the limits of every other body; the answer is streamed. */
export async function passThrough(call: Call): Promise<void> {
  const { req, route, query } = call
  const path = route.path + query
  if (!hasBody(req)) return forward(call, requestOf(call, null, path))
  const received = await call.body()
  if (received === null) return
  const { body, release } = received
  forward(call, requestOf(call, isBodiless(req.method) ? null : body, path), { onOver: release })
}

/** What Ollama accepts as a digest (manifest.BlobsPath of 0.17.4). Anything else never becomes part of a path. */
const DIGEST = /^sha256[:-][0-9a-fA-F]{64}$/

/** pull, push, create, copy, delete, blobs. */
export function manage(call: Call): void {
  const { context, route, req, res, query } = call
  if (!context.config.allowManagement) return call.refuse(ownError('management_disabled'))
  const [parameter = ''] = call.parameters
  if (route.path.endsWith('{digest}') && !DIGEST.test(parameter))
    return call.refuse({ status: 400, message: 'invalid digest format', code: null })
  const path = route.path.replace(/\{\w+\}$/, () => encodeURIComponent(parameter).replaceAll('%3A', ':'))
  const onOver = (): void => context.prober.soon('management')
  if (!hasBody(req)) return forward(call, requestOf(call, null, path + query), { onOver })
  const upload = call.shared.bodies.stream(req, res)
  const drain = async (): Promise<void> => {
    for await (const _ of upload);
  }
  const request = requestOf(call, upload, path + query)
  const length = req.headers['content-length']
  const headers = length === undefined ? request.headers : { ...request.headers, 'content-length': length }
  forward(call, { ...request, headers }, { onOver, drain })
}
