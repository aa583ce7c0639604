// Owns the wait for a job's end, on behalf of a caller who said how long. Not there yet.

import type { ServerResponse } from 'node:http'
import type { App } from './app.ts'

/**
 * Waits until the job is over, at most `ms`; false: it is not, or the caller has left. A job that does not exist is not
 * over. Leaving does not cancel. It leaves no timer and no watcher behind.
 */
export const waitForEnd = (_app: App, _id: string, _ms: number, _res: ServerResponse): Promise<boolean> =>
  Promise.reject(new Error('not there yet'))
