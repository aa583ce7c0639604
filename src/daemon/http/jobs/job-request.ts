// Owns what a handler of `/jobs…` is told of its request beside the request itself. Words only.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext } from '../context.ts'

export interface JobRequest {
  /** `{id}` of the path, decoded; anything a caller writes. Empty on `/jobs`. */
  readonly id: string
  /** The second parameter of the path: an artifact's `{name}`, a delivery's `{n}`. Else empty. */
  readonly name: string
  readonly query: URLSearchParams
}

export type JobHandler = (
  context: HttpContext,
  request: JobRequest,
  req: IncomingMessage,
  res: ServerResponse,
) => Promise<void>
