// Positions of queued jobs in drain order. They come from the counts in memory and short reads of the claim's indices, so a
// position costs the same for ten waiting jobs as for a hundred thousand. The order itself is domain/drain-order.ts.

import type { DatabaseSync } from 'node:sqlite'
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
import { blockOf, type PositionBlock, type PositionIndex, ROWS_PER_BLOCK } from './position-index.ts'
import { type None, prepare } from './statement.ts'

type Blocks = Pick<PositionIndex, 'affinities' | 'jobs' | 'before'>

export interface QueuePositions {
  /** Counts the rows, for the position index. */
  count(): PositionBlock[]
  /** Returns the position of a job of `affinity` that was just enqueued: all others come before it. */
  ofNewest(affinity: string, turn: Turn, blocks: Blocks): QueuePosition
  /** Returns a function for the jobs of one page. It returns null for a job that is not queued, or is an orphan. */
  of(turn: Turn, blocks: Blocks): (row: JobRow) => QueuePosition | null
  /** Returns null if no job can be claimed. */
  oldestJob(): OldestJob | null
}

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

export function createQueuePositions(db: DatabaseSync): QueuePositions {
  const oldest = prepare<{ affinity: string }, { sequence: number }>(db, POSITION_SQL.oldest)
  const oldestOfAll = prepare<None, { affinity: string; created_awake: number }>(db, POSITION_SQL.oldestOfAll)
  const swapped = prepare<None, { swapped_awake: number }>(db, 'SELECT swapped_awake FROM queue_state')
  const between = prepare<{ affinity: string; from: number; to: number }, { jobs: number }>(db, POSITION_SQL.between)
  const backingOff = prepare<None, WaitingRow>(db, POSITION_SQL.backingOff)
  const count = prepare<None, PositionBlock>(db, COUNT)

  function groupOf(affinity: string, blocks: Blocks, back: readonly WaitingRow[]): WaitingGroup {
    const claimable = oldest.get({ affinity })?.sequence ?? Number.POSITIVE_INFINITY
    const first = back.reduce(
      (least, one) => (one.affinity === affinity ? Math.min(least, one.sequence) : least),
      claimable,
    )
    return { affinity, jobs: blocks.jobs(affinity), oldest: first }
  }

  function before(affinity: string, sequence: number, blocks: Blocks, back: readonly WaitingRow[]): number {
    const from = blockOf(sequence) * ROWS_PER_BLOCK
    const isIn = (one: WaitingRow): boolean =>
      one.affinity === affinity && one.sequence >= from && one.sequence < sequence
    const inBlock = (between.get({ affinity, from, to: sequence })?.jobs ?? 0) + back.filter(isIn).length
    return blocks.before(affinity, blockOf(sequence)) + inBlock
  }

  function oldestJob(): OldestJob | null {
    const row = oldestOfAll.get({})
    return row === undefined ? null : { affinity: row.affinity, createdAwake: row.created_awake }
  }

  function orderOf(turn: Turn, blocks: Blocks, back: readonly WaitingRow[]): DrainOrder {
    const groups = blocks.affinities().map((affinity) => groupOf(affinity, blocks, back))
    const first = turn.drain === undefined ? null : oldestJob()
    if (turn.drain === undefined || first === null) return drainOrder(groups, turn)
    const clock = { ...turn.drain, swappedAwake: swapped.get({})?.swapped_awake ?? 0 }
    return drainOrder(groups, turn, { oldest: first, clock })
  }

  return {
    count: () => [
      ...count.all({}),
      ...backingOff.all({}).map(({ affinity, sequence }) => ({ affinity, block: blockOf(sequence), jobs: 1 })),
    ],
    oldestJob,
    ofNewest(own, turn, blocks) {
      const before = (affinity: string): number => blocks.jobs(affinity) - (affinity === own ? 1 : 0)
      return queuePositionOf(own, orderOf(turn, blocks, backingOff.all({})), before)
    },
    of(turn, blocks) {
      let back: WaitingRow[] = []
      let order: DrainOrder | null = null
      return ({ state, orphaned_at: orphanedAt, affinity: own, sequence }) => {
        if (state !== 'queued' || orphanedAt !== null) return null
        if (order === null) {
          back = backingOff.all({})
          order = orderOf(turn, blocks, back)
        }
        return queuePositionOf(own, order, (affinity) => before(affinity, sequence, blocks, back))
      }
    },
  }
}
