// Drain order: the order in which waiting jobs will be sent, and the position of a job in it, if no more jobs come. It
// repeats the rule of the claim (sqlite/claimable.ts) for the whole queue; of the drain limit it knows only the next
// switch. Pure.

import { CLOUD_AFFINITY, type DrainBound, modelOfAffinity, type Residency, turnsInMs } from './affinity.ts'
import type { QueuePosition } from './job.ts'

/** The waiting jobs of one affinity. */
export interface WaitingGroup {
  readonly affinity: string
  readonly jobs: number
  /** Sequence of its oldest job. */
  readonly oldest: number
}

/** The oldest job that may be claimed. */
export interface OldestJob {
  readonly affinity: string
  readonly createdAwake: number
}

export interface DrainOrder {
  /** Sent first, in order of sequence: jobs of the resident affinity, and of cloud models. */
  readonly mixed: readonly WaitingGroup[]
  /** Then these groups, one after the other. */
  readonly afterwards: readonly WaitingGroup[]
  /**
   * Milliseconds of the awake clock until the queue switches to the oldest job at the latest. Null without a limit, or
   * if the oldest job has the same affinity.
   */
  readonly turnsInMs: number | null
}

/** @param bound the oldest job that may be claimed, and the drain clock; null if draining has no limit */
export function drainOrder(
  groups: readonly WaitingGroup[],
  residency: Residency,
  bound: { readonly oldest: OldestJob; readonly clock: Omit<DrainBound, 'oldestAwake'> } | null = null,
): DrainOrder {
  const turns = bound === null ? null : turnsInMs({ ...bound.clock, oldestAwake: bound.oldest.createdAwake })
  const isDue = turns === 0 && bound !== null && bound.oldest.affinity !== CLOUD_AFFINITY
  // The next claim takes the oldest job, and its affinity is drained from then on.
  const { affinity, foreign } = isDue ? { affinity: bound.oldest.affinity, foreign: [] } : residency
  const byAge = [...groups].sort((a, b) => a.oldest - b.oldest)
  // Of the models that other programs loaded, only the first is drained. After it, the resident affinity is the queue's
  // own.
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
 * @param affinity affinity of the job, which is waiting
 * @param before returns how many waiting jobs of an affinity have a smaller sequence than the job
 */
export function queuePositionOf(
  affinity: string,
  { mixed, afterwards, turnsInMs: inMs }: DrainOrder,
  before: (affinity: string) => number,
): QueuePosition {
  const isOwn = (group: WaitingGroup): boolean => group.affinity === affinity
  const isMixed = mixed.some(isOwn)
  const groups = isMixed
    ? mixed.filter((group) => !isOwn(group))
    : [...mixed, ...afterwards.slice(0, afterwards.findIndex(isOwn))]
  const ahead = groups.map((group) => ({
    affinity: group.affinity,
    jobs: isMixed ? before(group.affinity) : group.jobs,
  }))
  const drained = isMixed ? undefined : mixed.find((group) => group.affinity !== CLOUD_AFFINITY && group.jobs > 0)
  return {
    ahead: [...ahead, { affinity, jobs: before(affinity) }].filter(({ jobs }) => jobs > 0),
    ...(drained === undefined ? {} : { draining: { affinity: drained.affinity, turnsInMs: inMs } }),
  }
}
