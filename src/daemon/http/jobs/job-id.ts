// Job ids in paths. A path whose id cannot be one is answered with `job_not_found`, before the store is asked.

import { quoteForError } from '../../text/quote.ts'
import type { Call, Handler } from '../call.ts'
import { type OwnError, ownError } from '../respond.ts'

/** A ULID: 26 characters of Crockford's base 32, the first at most 7. */
const isJobId = (text: string): boolean => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text)

export const jobNotFound = (id: string): OwnError =>
  ownError('job_not_found', { id: isJobId(id) ? id : quoteForError(id) })

/** `name`: the second parameter of the path, an artifact's `{name}` or a webhook's `{n}`; empty if it has none. */
export type JobHandler = (call: Call, id: string, name: string) => Promise<void>

/** The handler of a path that begins with `/jobs/{id}`. */
export const forJob =
  (handle: JobHandler): Handler =>
  (call) => {
    const [id = '', name = ''] = call.parameters
    return isJobId(id) ? handle(call, id, name) : call.refuse(jobNotFound(id))
  }
