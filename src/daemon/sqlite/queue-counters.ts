// Counters that the store keeps in memory, so that a question about the queue never scans it: jobs by state, waiting jobs by
// model and by place, swaps. Counts are undone with the transaction that made them. Pure: the rows are counted elsewhere.

import { isFinal, type State } from '../domain/job.ts'
import type { Gone } from './jobs.ts'

interface WaitingJobs {
  readonly model: string
  readonly jobs: number
  readonly bytes: number
}

/** Sequences in one block. */
export const ROWS_PER_BLOCK = 256

export const blockOf = (sequence: number): number => Math.floor(sequence / ROWS_PER_BLOCK)

export interface PositionBlock {
  readonly affinity: string
  readonly block: number
  readonly jobs: number
}

export type PositionIndex = ReturnType<typeof createPositionIndex>

/**
 * Waiting jobs that are not orphans, by affinity and by block of sequences. The number of jobs before one is then a short sum
 * and a query of one block, for any length of the queue.
 */
function createPositionIndex(waiting: readonly PositionBlock[]) {
  const byAffinity = new Map<string, { jobs: number; readonly blocks: Map<number, number> }>()

  function add(affinity: string, block: number, jobs: number): void {
    const counts = byAffinity.get(affinity) ?? { jobs: 0, blocks: new Map() }
    const inBlock = (counts.blocks.get(block) ?? 0) + jobs
    counts.jobs += jobs
    if (inBlock === 0) counts.blocks.delete(block)
    else counts.blocks.set(block, inBlock)
    if (counts.jobs === 0) byAffinity.delete(affinity)
    else byAffinity.set(affinity, counts)
  }
  for (const { affinity, block, jobs } of waiting) add(affinity, block, jobs)

  return {
    add,
    affinities: () => [...byAffinity.keys()],
    /** Returns how many jobs of an affinity wait. */
    jobs: (affinity: string): number => byAffinity.get(affinity)?.jobs ?? 0,
    /** Returns how many of them are in the blocks before `block`. */
    before(affinity: string, block: number): number {
      let sum = 0
      for (const [one, jobs] of byAffinity.get(affinity)?.blocks ?? []) if (one < block) sum += jobs
      return sum
    },
  }
}

export type QueueCounters = ReturnType<typeof createQueueCounters>

export function createQueueCounters(
  states: readonly { readonly state: State; readonly jobs: number }[],
  waiting: readonly WaitingJobs[],
  places: readonly PositionBlock[],
) {
  const blocks = createPositionIndex(places)
  const byState: Record<State, number> = { queued: 0, loading: 0, working: 0, done: 0, failed: 0, cancelled: 0 }
  for (const one of states) byState[one.state] = one.jobs
  const byModel = new Map(waiting.map(({ model, jobs, bytes }) => [model, { jobs, bytes }]))
  let jobs = waiting.reduce((sum, one) => sum + one.jobs, 0)
  let bytes = waiting.reduce((sum, one) => sum + one.bytes, 0)
  let swaps = 0
  let fifoSwaps = 0
  const undos: (() => void)[] = []

  function wait({ normalised_model: model, body_bytes: size }: Omit<Gone, 'state'>, sign: 1 | -1): void {
    const before = byModel.get(model) ?? { jobs: 0, bytes: 0 }
    jobs += sign
    bytes += sign * size
    if (before.jobs + sign === 0) byModel.delete(model)
    else byModel.set(model, { jobs: before.jobs + sign, bytes: before.bytes + sign * size })
  }

  /** A deleted job stays counted by its final state. */
  const isDeletion = (from: State | null, to: State | null): boolean =>
    (from === null && to !== null && isFinal(to)) || (to === null && from !== null && isFinal(from))

  function step(from: State | null, to: State | null, row: Omit<Gone, 'state'>): void {
    if (!isDeletion(from, to)) {
      if (from !== null) byState[from] -= 1
      if (to !== null) byState[to] += 1
    }
    if (from === 'queued') wait(row, -1)
    if (to === 'queued') wait(row, 1)
  }

  function add(swapped: number, fifoSwapped: number): void {
    swaps += swapped
    fifoSwaps += fifoSwapped
  }

  return {
    get depth() {
      return { jobs, bytes }
    },
    get swaps() {
      return { swaps, fifoSwaps }
    },
    get states(): Readonly<Record<State, number>> {
      return { ...byState }
    },
    /** Returns the normalised models with waiting jobs, and how many. */
    waiting: (): WaitingJobs[] => [...byModel].map(([model, one]) => ({ model, ...one })),
    /** Only `place` changes it. */
    blocks: blocks as Omit<PositionIndex, 'add'>,
    /** Counts a job that starts (1) or stops (-1) waiting and is not an orphan. */
    place({ affinity, sequence }: { readonly affinity: string; readonly sequence: number }, sign: 1 | -1): void {
      const block = blockOf(sequence)
      blocks.add(affinity, block, sign)
      undos.push(() => blocks.add(affinity, block, sign === 1 ? -1 : 1))
    },
    /** Counts a change of state. `from` is null for a new job, `to` for a deleted one. */
    transition(from: State | null, to: State | null, row: Omit<Gone, 'state'>): void {
      step(from, to, row)
      undos.push(() => step(to, from, row))
    },
    count(swapped: number, fifoSwapped: number): void {
      add(swapped, fifoSwapped)
      undos.push(() => add(-swapped, -fifoSwapped))
    },
    /** Returns a mark for `rollback`. */
    savepoint: () => undos.length,
    rollback(mark: number): void {
      while (undos.length > mark) undos.pop()?.()
    },
    /** Makes the counts final. */
    commit(): void {
      undos.length = 0
    },
  }
}
