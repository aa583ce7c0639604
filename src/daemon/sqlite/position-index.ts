// Counts of waiting jobs by affinity and by block of sequences. The number of jobs before one is then a short sum and a query
// of one block, for any length of the queue. Orphans are not counted. Pure: the rows are counted elsewhere.

/** Sequences in one block. */
export const ROWS_PER_BLOCK = 256

export const blockOf = (sequence: number): number => Math.floor(sequence / ROWS_PER_BLOCK)

export interface PositionBlock {
  readonly affinity: string
  readonly block: number
  readonly jobs: number
}

export interface PositionIndex {
  add(affinity: string, block: number, jobs: number): void
  affinities(): string[]
  /** Returns how many jobs of an affinity wait. */
  jobs(affinity: string): number
  /** Returns how many of them are in the blocks before `block`. */
  before(affinity: string, block: number): number
}

interface Counts {
  jobs: number
  readonly blocks: Map<number, number>
}

export function createPositionIndex(waiting: readonly PositionBlock[]): PositionIndex {
  const byAffinity = new Map<string, Counts>()

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
    jobs: (affinity) => byAffinity.get(affinity)?.jobs ?? 0,
    before(affinity, block) {
      let sum = 0
      for (const [one, jobs] of byAffinity.get(affinity)?.blocks ?? []) if (one < block) sum += jobs
      return sum
    },
  }
}
