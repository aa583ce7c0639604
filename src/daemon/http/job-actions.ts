// Owns what a caller may do to a job that is there. Not there yet.

import type { JobHandler } from './job-request.ts'

const notYet: JobHandler = () => Promise.reject(new Error('not there yet'))
export const cancelJob = notYet
export const retryJob = notYet
export const forgetJob = notYet
export const redeliver = notYet
