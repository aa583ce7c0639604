// Owns POST /jobs. Not there yet.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from './app.ts'
import type { RequestBodies } from './request-body.ts'

export const submitJob = (
  _app: App,
  _bodies: RequestBodies,
  _req: IncomingMessage,
  _res: ServerResponse,
): Promise<void> => Promise.reject(new Error('not there yet'))
