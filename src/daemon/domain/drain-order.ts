// Drain order: in which order what waits will be sent, and where in it a job stands, if nothing more came. It says the
// claim's rule (sqlite/claimable.ts) a second time, for all of the queue at once; of the drain bound only the next turn. Pure.

import { CLOUD_AFFINITY, modelOfAffinity, type Residency, turnsInMs } from './affinity.ts'
import type { QueuePosition } from './job.ts'

/** The waiting jobs of one affinity. */
export interface WaitingGroup {
  readonly affinity: string
  readonly jobs: number
  /** Sequence of its oldest. */
  readonly oldest: number
}

/** The oldest job that may be claimed, and what the drain bound makes of it. */
export interface OldestJob {
  readonly affinity: string
  readonly createdAwake: number
}

export interface DrainClock {
  /** FOREMAN_DRAIN_LIMIT, ms; 0 = none. */
  readonly limitMs: number
  readonly awakeNow: number
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
}

export interface DrainOrder {
  /** Sent first, and among each other by sequence: what is resident, and cloud models. */
  readonly mixed: readonly WaitingGroup[]
  /** Then these, one after the other. */
  readonly afterwards: readonly WaitingGroup[]
  /** When the queue turns to the oldest job at the latest, ms of the awake clock; null: not bounded, or that is of the same affinity. */
  readonly turnsInMs: number | null
}

/** @param oldest of the jobs that may be claimed, and the drain clock; null: nothing bounds the draining */
export function drainOrder(
  groups: readonly WaitingGroup[],
  residency: Residency,
  bound: { readonly oldest: OldestJob; readonly clock: DrainClock } | null = null,
): DrainOrder {
  const turns = bound === null ? null : turnsInMs({ ...bound.clock, oldestAwake: bound.oldest.createdAwake })
  const isDue = turns === 0 && bound !== null && bound.oldest.affinity !== CLOUD_AFFINITY
  // The next claim takes the oldest job, and its affinity is drained from then on.
  const { affinity, foreign } = isDue ? { affinity: bound.oldest.affinity, foreign: [] } : residency
  const byAge = [...groups].sort((a, b) => a.oldest - b.oldest)
  // Of models that somebody else loaded only the first is drained as it is: from then on ours is the one that is resident.
  const isFirst = (group: WaitingGroup): boolean =>
    affinity === null ? foreign.includes(modelOfAffinity(group.affinity)) : group.affinity === affinity
  const first = byAge.find((group) => group.affinity !== CLOUD_AFFINITY && isFirst(group))
  const isMixed = (group: WaitingGroup): boolean => group.affinity === CLOUD_AFFINITY || group === first
  const turnsAway =
    bound !== null && bound.oldest.affinity !== first?.affinity && bound.oldest.affinity !== CLOUD_AFFINITY
  return {
    mixed: byAge.filter(isMixed),
    afterwards: byAge.filter((group) => !isMixed(group)),
    turnsInMs: turnsAway ? turns : null,
  }
}

/**
 * @param affinity of the job, which is one of those that wait
 * @param before how many waiting jobs of an affinity have a smaller sequence than it
 */
export function queuePositionOf(
  affinity: string,
  { mixed, afterwards, turnsInMs: inMs }: DrainOrder,
  before: (affinity: string) => number,
): QueuePosition {
  const isOwn = (group: WaitingGroup): boolean => group.affinity === affinity
  const ahead = mixed.some(isOwn)
    ? mixed
        .filter((group) => !isOwn(group))
        .map((group) => ({ affinity: group.affinity, jobs: before(group.affinity) }))
    : [...mixed, ...afterwards.slice(0, afterwards.findIndex(isOwn))].map((group) => ({
        affinity: group.affinity,
        jobs: group.jobs,
      }))
  const drained = mixed.some(isOwn)
    ? undefined
    : mixed.find((group) => group.affinity !== CLOUD_AFFINITY && group.jobs > 0)
  return {
    ahead: [...ahead, { affinity, jobs: before(affinity) }].filter(({ jobs }) => jobs > 0),
    ...(drained === undefined ? {} : { draining: { affinity: drained.affinity, turnsInMs: inMs } }),
  }
}
