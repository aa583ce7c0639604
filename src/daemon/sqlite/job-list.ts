// List of jobs, newest first, by state, model and label. Each filter reads in order from an index that contains only matching
// rows, so a page costs the same at any number of jobs. Only label plus model walks past jobs of other models.

import { isFinal, STATES, type State } from '../domain/job.ts'
import type { JobRow } from './job-row.ts'
import type { Statements, Values } from './statement.ts'

export interface JobFilter {
  readonly state: State | null
  /** The normalised model name. */
  readonly model: string | null
  readonly label: string | null
  readonly limit: number
  /** Sequence of the last job of the previous page; null starts with the newest job. */
  readonly before: number | null
}

const page = (from: string): string =>
  `SELECT * FROM jobs ${from} AND sequence < $before ORDER BY sequence DESC LIMIT $limit`

const unfinishedOf = (caller: string): string =>
  page(
    `INDEXED BY unfinished WHERE finished_at IS NULL AND state = $state AND caller = '${caller}'
     AND ($model IS NULL OR normalised_model = $model)`,
  )

/** Ordered sources. A list is one of them, or a few merged. */
export const LIST_SQL = {
  all: page('WHERE true'),
  labelled: page(
    `INDEXED BY labelled WHERE label = $label AND state = $state AND ($model IS NULL OR normalised_model = $model)`,
  ),
  waitingOfModel: page(`INDEXED BY waiting_by_model WHERE state = 'queued' AND normalised_model = $model`),
  unfinishedLive: unfinishedOf('live'),
  unfinishedAsync: unfinishedOf('none'),
  finished: page('INDEXED BY finished_by_state WHERE finished_at IS NOT NULL AND state = $state'),
  finishedOfModel: page(
    'INDEXED BY finished_by_model WHERE finished_at IS NOT NULL AND normalised_model = $model AND state = $state',
  ),
}

/** Returns the function that lists jobs. */
export function createJobList({ all }: Statements) {
  const parts = Object.fromEntries(
    Object.entries(LIST_SQL).map(([name, sql]) => [name, all<JobRow, Values>(sql)]),
    // Object.fromEntries loses the names.
  ) as Record<keyof typeof LIST_SQL, (params: Values) => JobRow[]>

  function ofState(state: State, { model, label, limit }: JobFilter, before: number): JobRow[] {
    if (label !== null) return parts.labelled({ label, state, model, before, limit })
    if (isFinal(state)) {
      return model === null
        ? parts.finished({ state, before, limit })
        : parts.finishedOfModel({ model, state, before, limit })
    }
    if (state === 'queued' && model !== null) return parts.waitingOfModel({ model, before, limit })
    return [
      ...parts.unfinishedLive({ state, model, before, limit }),
      ...parts.unfinishedAsync({ state, model, before, limit }),
    ]
  }

  return (filter: JobFilter): JobRow[] => {
    const { state, model, label, limit } = filter
    const before = filter.before ?? Number.MAX_SAFE_INTEGER
    if (state === null && model === null && label === null) return parts.all({ before, limit })
    const found = (state === null ? STATES : [state]).flatMap((one) => ofState(one, filter, before))
    return found.sort((a, b) => b.sequence - a.sequence).slice(0, limit)
  }
}
