// Owns the order in which what waits will be sent, and where in it a job stands: what it would be if nothing more came. It
// says the claim's rule (store/claimable.ts) a second time, for all of the queue at once; the drain bound is left out. Pure.

import { CLOUD_AFFINITY, modelOfAffinity, type Residency } from './affinity.ts'
import type { Standing } from './job.ts'

/** The waiting jobs of one affinity. */
export interface WaitingGroup {
  readonly affinity: string
  readonly jobs: number
  /** Sequence of its oldest. */
  readonly oldest: number
}

export interface DrainOrder {
  /** Sent first, and among each other by sequence: what is resident, and cloud models. */
  readonly mixed: readonly WaitingGroup[]
  /** Then these, one after the other. */
  readonly afterwards: readonly WaitingGroup[]
}

export function drainOrder(groups: readonly WaitingGroup[], { affinity, foreign }: Residency): DrainOrder {
  const byAge = [...groups].sort((a, b) => a.oldest - b.oldest)
  // Of models that somebody else loaded only the first is drained as it is: from then on ours is the one that is resident.
  const isFirst = (group: WaitingGroup): boolean =>
    affinity === null ? foreign.includes(modelOfAffinity(group.affinity)) : group.affinity === affinity
  const first = byAge.find((group) => group.affinity !== CLOUD_AFFINITY && isFirst(group))
  const isMixed = (group: WaitingGroup): boolean => group.affinity === CLOUD_AFFINITY || group === first
  return { mixed: byAge.filter(isMixed), afterwards: byAge.filter((group) => !isMixed(group)) }
}

/**
 * @param affinity of the job, which is one of those that wait
 * @param before how many waiting jobs of an affinity have a smaller sequence than it
 */
export function standingOf(
  affinity: string,
  { mixed, afterwards }: DrainOrder,
  before: (affinity: string) => number,
): Standing {
  const isOwn = (group: WaitingGroup): boolean => group.affinity === affinity
  const ahead = mixed.some(isOwn)
    ? mixed
        .filter((group) => !isOwn(group))
        .map((group) => ({ affinity: group.affinity, jobs: before(group.affinity) }))
    : [...mixed, ...afterwards.slice(0, afterwards.findIndex(isOwn))].map((group) => ({
        affinity: group.affinity,
        jobs: group.jobs,
      }))
  return { ahead: [...ahead, { affinity, jobs: before(affinity) }].filter(({ jobs }) => jobs > 0) }
}
