// Owns nothing yet: a place for the handler.

import type { App } from './app.ts'
import type { JobHandler } from './job-request.ts'

export const viewJob: JobHandler = () => Promise.reject(new Error('not there yet'))

/** The job as GET /jobs/{id} shows it, as JSON text; null: there is none. */
export const jobDocumentOf = (_app: App, _id: string): Promise<string | null> =>
  Promise.reject(new Error('not there yet'))
