// Rows that a state change of an async job writes beside the job: the change, its webhook, and the output of a finished job.
// Written in the transaction of the change. A waiting call writes none.

import type { JobOutput } from '../domain/artifact.ts'
import type { State } from '../domain/job.ts'
import type { Artifacts } from './artifacts.ts'
import type { ChangesTable } from './changes.ts'
import type { DeliveriesTable } from './deliveries.ts'
import { eventsOf, type JobRow } from './job-row.ts'

/** The columns of a job's row that its history needs. */
export type RecordedRow = Pick<
  JobRow,
  'sequence' | 'caller' | 'changes' | 'state' | 'attempt' | 'finished_at' | 'webhook_url' | 'webhook_events'
>

export interface History {
  /** `row` is the job after the change. `previous` is null for the first change. */
  record(row: RecordedRow, previous: State | null, at: number, remains?: JobOutput): void
}

export function createHistory(
  changes: Pick<ChangesTable, 'put'>,
  deliveries: Pick<DeliveriesTable, 'put'>,
  artifacts: Pick<Artifacts, 'put'>,
): History {
  return {
    record(row, previous, at, remains) {
      if (row.caller === 'live') return
      const { sequence, changes: number, state, attempt, webhook_url: url } = row
      changes.put(sequence, { number, state, previous, attempt, at })
      if (url !== null && eventsOf(row).includes(state)) deliveries.put(sequence, number, url, at)
      if (remains !== undefined && row.finished_at !== null) artifacts.put(sequence, remains)
    },
  }
}
