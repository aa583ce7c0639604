// Query of `GET /jobs`: the filter, and the cursor that leads from one page to the next. Pure.

import { normaliseModel } from '../../domain/affinity.ts'
import { STATES, type State } from '../../domain/job.ts'
import type { JobFilter } from '../../sqlite/store.ts'
import { quoteForError } from '../quote.ts'
import { parameterProblems } from './query-parameters.ts'

export const MAX_PAGE_JOBS = 200
export const DEFAULT_PAGE_JOBS = 50

const PARAMETERS = ['state', 'model', 'label', 'limit', 'cursor'] as const
type Parameter = (typeof PARAMETERS)[number]

export type ListQuery =
  | { readonly kind: 'filter'; readonly filter: JobFilter }
  /** `detail`: everything that is wrong with it, in sentences. */
  | { readonly kind: 'refused'; readonly detail: string }

export function readListQuery(query: URLSearchParams): ListQuery {
  const problems = parameterProblems(query, PARAMETERS)
  const read = <T>(name: Parameter, absent: T, parse: (text: string) => T | null, allowed: string): T => {
    const text = query.get(name)
    const value = text === null ? absent : parse(text)
    if (text !== null && value === null) problems.push(`${name} must be ${allowed}, not ${quoteForError(text)}`)
    return value ?? absent
  }
  const filter: JobFilter = {
    state: read<State | null>('state', null, stateOf, `one of ${STATES.join(', ')}`),
    model: read<string | null>('model', null, (text) => (text.trim() === '' ? null : normaliseModel(text)), 'a name'),
    label: query.get('label'),
    limit: read('limit', DEFAULT_PAGE_JOBS, limitOf, `a whole number from 1 to ${MAX_PAGE_JOBS}`),
    before: read<number | null>('cursor', null, sequenceOf, 'the `next` of an earlier page'),
  }
  return problems.length === 0 ? { kind: 'filter', filter } : { kind: 'refused', detail: problems.join('; ') }
}

/** Opaque to clients. */
export const cursorOf = (sequence: number): string => Buffer.from(String(sequence)).toString('base64url')

function sequenceOf(cursor: string): number | null {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  // Buffer skips what is not base64url, so the cursor must be what `cursorOf` makes of its number.
  return /^[1-9]\d{0,14}$/.test(text) && cursorOf(Number(text)) === cursor ? Number(text) : null
}

const stateOf = (text: string): State | null => STATES.find((state) => state === text) ?? null

function limitOf(text: string): number | null {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  return limit >= 1 && limit <= MAX_PAGE_JOBS ? limit : null
}
