// Owns nothing yet: a place for the handler.

import type { JobHandler } from './job-request.ts'

export const listJobs: JobHandler = () => Promise.reject(new Error('not there yet'))
