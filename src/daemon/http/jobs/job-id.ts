// Owns how a job's id is read and shown. Pure. What a caller wrote in its place is never shown as it is.

import { type OwnError, ownError } from '../respond.ts'

/** A ULID: 26 of Crockford's letters, the first at most 7. */
export const isJobId = (text: string): boolean => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text)

/** Whatever stands in the path, for an error: bounded, and nothing in it that a terminal or a log would obey. */
export const shownId = (text: string): string => (isJobId(text) ? text : JSON.stringify(printable(text)))

const printable = (text: string): string =>
  [...text.slice(0, 80)]
    .slice(0, 40)
    .map((char) => (/[\p{L}\p{N}\p{P}\p{S} ]/u.test(char) ? char : '\ufffd'))
    .join('')

export const jobNotFound = (id: string): OwnError => ownError('job_not_found', { id: shownId(id) })
