// Counters that the store keeps in memory, so that a question about the queue never scans it: jobs by state, waiting jobs by
// model, swaps. Counts are undone with the transaction that made them. Pure: the rows are counted elsewhere.

import { type Depth, isFinal, type State } from '../domain/job.ts'
import type { SwapCount } from '../domain/load-counters.ts'
import { blockOf, createPositionIndex, type PositionBlock, type PositionIndex } from './position-index.ts'

/** A job that was added, deleted, or changed its state. `from` is null for a new job, `to` for a deleted one. */
export interface StateMove {
  readonly from: State | null
  readonly to: State | null
  readonly model: string
  readonly bytes: number
}

export interface WaitingJobs {
  readonly model: string
  readonly jobs: number
  readonly bytes: number
}

export interface QueueCounters {
  readonly depth: Depth
  readonly swaps: SwapCount
  readonly states: Readonly<Record<State, number>>
  /** Returns the normalised models with waiting jobs, and how many. */
  waiting(): WaitingJobs[]
  /** Waiting jobs that are not orphans. Only `place` changes it. */
  readonly blocks: Pick<PositionIndex, 'affinities' | 'jobs' | 'before'>
  transition(move: StateMove): void
  /** Counts a job that starts (1) or stops (-1) waiting and is not an orphan. */
  place(at: { readonly affinity: string; readonly sequence: number }, sign: 1 | -1): void
  count(swaps: number, fifoSwaps: number): void
  /** Returns a mark for `rollback`. */
  savepoint(): number
  rollback(mark: number): void
  /** Makes the counts final. */
  commit(): void
}

export function createQueueCounters(
  states: Readonly<Record<State, number>>,
  waiting: readonly WaitingJobs[],
  places: readonly PositionBlock[],
): QueueCounters {
  const blocks = createPositionIndex(places)
  const byState: Record<State, number> = { ...states }
  const byModel = new Map(waiting.map(({ model, jobs, bytes }) => [model, { jobs, bytes }]))
  let jobs = waiting.reduce((sum, one) => sum + one.jobs, 0)
  let bytes = waiting.reduce((sum, one) => sum + one.bytes, 0)
  let swaps = 0
  let fifoSwaps = 0
  const undos: (() => void)[] = []

  function wait(model: string, sign: 1 | -1, size: number): void {
    const before = byModel.get(model) ?? { jobs: 0, bytes: 0 }
    jobs += sign
    bytes += sign * size
    if (before.jobs + sign === 0) byModel.delete(model)
    else byModel.set(model, { jobs: before.jobs + sign, bytes: before.bytes + sign * size })
  }

  /** A deleted job stays counted by its final state. */
  const isDeletion = (from: State | null, to: State | null): boolean =>
    (from === null && to !== null && isFinal(to)) || (to === null && from !== null && isFinal(from))

  function step({ from, to, model, bytes: size }: StateMove): void {
    if (!isDeletion(from, to)) {
      if (from !== null) byState[from] -= 1
      if (to !== null) byState[to] += 1
    }
    if (from === 'queued') wait(model, -1, size)
    if (to === 'queued') wait(model, 1, size)
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
    get states() {
      return { ...byState }
    },
    waiting: () => [...byModel].map(([model, { jobs, bytes }]) => ({ model, jobs, bytes })),
    blocks,
    place({ affinity, sequence }, sign) {
      const block = blockOf(sequence)
      blocks.add(affinity, block, sign)
      undos.push(() => blocks.add(affinity, block, sign === 1 ? -1 : 1))
    },
    transition(move) {
      step(move)
      undos.push(() => step({ ...move, from: move.to, to: move.from }))
    },
    count(swapped, fifoSwapped) {
      add(swapped, fifoSwapped)
      undos.push(() => add(-swapped, -fifoSwapped))
    },
    savepoint: () => undos.length,
    rollback(mark) {
      while (undos.length > mark) undos.pop()?.()
    },
    commit() {
      undos.length = 0
    },
  }
}
