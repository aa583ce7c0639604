// Positions of queued jobs in drain order. They come from the counts in memory and short reads of the claim's indices, so a
// position costs the same for ten waiting jobs as for a hundred thousand. The order itself is domain/drain-order.ts.

import type { Turn } from '../domain/affinity.ts'
import {
  type DrainOrder,
  drainOrder,
  type OldestJob,
  queuePositionOf,
  type WaitingGroup,
} from '../domain/drain-order.ts'
import type { QueuePosition } from '../domain/job.ts'
import type { JobRow } from './job-row.ts'
import { blockOf, type PositionBlock, type QueueCounters, ROWS_PER_BLOCK } from './queue-counters.ts'
import type { Statements } from './statement.ts'

const CLAIMABLE = "state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL"
const BACKING_OFF = 'available_at IS NOT NULL AND orphaned_at IS NULL'

export const POSITION_SQL = {
  oldest: `SELECT sequence FROM jobs INDEXED BY claimable_by_affinity
    WHERE ${CLAIMABLE} AND affinity = $affinity ORDER BY sequence LIMIT 1`,
  oldestOfAll: `SELECT affinity, created_awake FROM jobs INDEXED BY claimable_by_sequence
    WHERE ${CLAIMABLE} AND sequence > 0 ORDER BY sequence LIMIT 1`,
  between: `SELECT count(*) AS jobs FROM jobs INDEXED BY claimable_by_affinity
    WHERE ${CLAIMABLE} AND affinity = $affinity AND sequence >= $from AND sequence < $to`,
  // Few rows: jobs that came back from the target some seconds ago.
  backingOff: `SELECT affinity, sequence FROM jobs INDEXED BY backoffs WHERE ${BACKING_OFF}`,
}

const COUNT = `SELECT affinity, sequence / ${ROWS_PER_BLOCK} AS block, count(*) AS jobs FROM jobs INDEXED BY claimable_by_affinity
  WHERE ${CLAIMABLE} AND affinity > '' GROUP BY affinity, block`

interface WaitingRow {
  readonly affinity: string
  readonly sequence: number
}

/** Counts the waiting rows, for the position index. */
export const countPlaces = ({ all }: Statements): PositionBlock[] => [
  ...all<PositionBlock>(COUNT)(),
  ...all<WaitingRow>(POSITION_SQL.backingOff)().map(({ affinity, sequence }) => ({
    affinity,
    block: blockOf(sequence),
    jobs: 1,
  })),
]

export function createQueuePositions({ one, all }: Statements, { blocks }: QueueCounters) {
  const oldest = one<{ sequence: number }, { affinity: string }>(POSITION_SQL.oldest)
  const oldestOfAll = one<{ affinity: string; created_awake: number }>(POSITION_SQL.oldestOfAll)
  const swapped = one<{ swapped_awake: number }>('SELECT swapped_awake FROM queue_state')
  const between = one<{ jobs: number }, { affinity: string; from: number; to: number }>(POSITION_SQL.between)
  const backingOff = all<WaitingRow>(POSITION_SQL.backingOff)

  function groupOf(affinity: string, back: readonly WaitingRow[]): WaitingGroup {
    const claimable = oldest({ affinity })?.sequence ?? Number.POSITIVE_INFINITY
    const sequences = back.filter((one) => one.affinity === affinity).map(({ sequence }) => sequence)
    return { affinity, jobs: blocks.jobs(affinity), oldest: Math.min(claimable, ...sequences) }
  }

  function before(affinity: string, sequence: number, back: readonly WaitingRow[]): number {
    const from = blockOf(sequence) * ROWS_PER_BLOCK
    const isIn = (one: WaitingRow): boolean =>
      one.affinity === affinity && one.sequence >= from && one.sequence < sequence
    const inBlock = (between({ affinity, from, to: sequence })?.jobs ?? 0) + back.filter(isIn).length
    return blocks.before(affinity, blockOf(sequence)) + inBlock
  }

  /** Returns null if no job can be claimed. */
  function oldestJob(): OldestJob | null {
    const row = oldestOfAll()
    return row === null ? null : { affinity: row.affinity, createdAwake: row.created_awake }
  }

  function orderOf(turn: Turn, back: readonly WaitingRow[]): DrainOrder {
    const groups = blocks.affinities().map((affinity) => groupOf(affinity, back))
    const first = turn.drain === undefined ? null : oldestJob()
    if (turn.drain === undefined || first === null) return drainOrder(groups, turn)
    const clock = { ...turn.drain, swappedAwake: swapped()?.swapped_awake ?? 0 }
    return drainOrder(groups, turn, { oldest: first, clock })
  }

  return {
    oldestJob,
    /** Returns the position of a job of `affinity` that was just enqueued: all others come before it. */
    ofNewest(own: string, turn: Turn): QueuePosition {
      const jobsBefore = (affinity: string): number => blocks.jobs(affinity) - (affinity === own ? 1 : 0)
      return queuePositionOf(own, orderOf(turn, backingOff()), jobsBefore)
    },
    /** Returns a function for the jobs of one page. It returns null for a job that is not queued, or is an orphan. */
    of(turn: Turn): (row: JobRow) => QueuePosition | null {
      let back: WaitingRow[] = []
      let order: DrainOrder | null = null
      return ({ state, orphaned_at: orphanedAt, affinity: own, sequence }) => {
        if (state !== 'queued' || orphanedAt !== null) return null
        if (order === null) {
          back = backingOff()
          order = orderOf(turn, back)
        }
        return queuePositionOf(own, order, (affinity) => before(affinity, sequence, back))
      }
    },
  }
}
