// Tables of the order in which waiting jobs will be sent, and of the jobs ahead of a job.

import { describe, expect, it } from 'vitest'
import { CLOUD_AFFINITY } from '../../src/daemon/domain/affinity.ts'
import { drainOrder, queuePositionOf, type WaitingGroup } from '../../src/daemon/domain/drain-order.ts'

const A = 'a:latest'
const A8 = 'a:latest num_ctx=8192'
const B = 'b:latest'
const C = 'c:latest'

const group = (affinity: string, oldest: number, jobs = 2): WaitingGroup => ({ affinity, jobs, oldest })
const names = (groups: readonly WaitingGroup[]): string[] => groups.map(({ affinity }) => affinity)

describe('the drain order', () => {
  it.each([
    ['nothing resident', { affinity: null, foreign: [] }, [], [B, A, C]],
    ['one resident', { affinity: A, foreign: [] }, [A], [B, C]],
    ['the resident one not waiting', { affinity: 'z:latest', foreign: [C] }, [], [B, A, C]],
    ['loaded by somebody else', { affinity: null, foreign: [C] }, [C], [B, A]],
    ['two loaded by somebody else: the first becomes ours', { affinity: null, foreign: [C, A] }, [A], [B, C]],
  ] as const)('sends in the right order: %s', (_, residency, mixed, afterwards) => {
    const order = drainOrder([group(A, 5), group(B, 3), group(C, 9)], residency)
    expect([names(order.mixed), names(order.afterwards)]).toEqual([mixed, afterwards])
  })

  it('sends cloud jobs among the resident ones', () => {
    const order = drainOrder([group(A, 5), group(CLOUD_AFFINITY, 9), group(B, 3)], { affinity: A, foreign: [] })
    expect([names(order.mixed), names(order.afterwards)]).toEqual([[A, CLOUD_AFFINITY], [B]])
  })

  it('takes only one affinity of a model that another client loaded', () => {
    const order = drainOrder([group(A8, 2), group(A, 5)], { affinity: null, foreign: [A] })
    expect([names(order.mixed), names(order.afterwards)]).toEqual([[A8], [A]])
  })
})

describe('the drain limit', () => {
  const MINUTE = 60_000
  const groups = [group(A, 5), group(B, 3), group(C, 9)]
  const resident = { affinity: A, foreign: [] }
  const bound = (affinity: string, createdAwake: number, swappedAwake: number, limitMs = 15 * MINUTE) => ({
    oldest: { affinity, createdAwake },
    clock: { limitMs, awakeNow: 20 * MINUTE, swappedAwake },
  })

  it.each([
    ['turns when the oldest has waited the limit', bound(B, 7 * MINUTE, 0), 2 * MINUTE],
    ['turns when the drained one has been drained the limit', bound(B, 0, 8 * MINUTE), 3 * MINUTE],
    ['is none where the oldest is of the drained affinity', bound(A, 0, 0), null],
    ['is none without a limit', bound(B, 0, 0, 0), null],
  ])('sends in the right order: %s', (_, given, turnsInMs) => {
    expect(drainOrder(groups, resident, given)).toMatchObject({ turnsInMs, mixed: [{ affinity: A }] })
  })

  it('puts the affinity of the oldest job first once it has passed', () => {
    const order = drainOrder(groups, resident, bound(B, 5 * MINUTE, 5 * MINUTE))
    expect([names(order.mixed), names(order.afterwards), order.turnsInMs]).toEqual([[B], [A, C], null])
  })
})

describe('the jobs ahead of a job', () => {
  const order = drainOrder([group(A, 5, 4), group(CLOUD_AFFINITY, 6, 3), group(B, 3, 2), group(C, 9, 7)], {
    affinity: A,
    foreign: [],
  })
  const older = (counts: Readonly<Record<string, number>>) => (affinity: string) => counts[affinity] ?? 0

  it('are the older resident ones if it is resident', () => {
    expect(queuePositionOf(A, order, older({ [A]: 1, [CLOUD_AFFINITY]: 2, [B]: 2 }))).toEqual({
      ahead: [
        { affinity: CLOUD_AFFINITY, jobs: 2 },
        { affinity: A, jobs: 1 },
      ],
    })
  })

  it('are all resident ones, all older groups and the older ones of its group if it is not resident', () => {
    expect(queuePositionOf(C, order, older({ [C]: 1, [B]: 2, [A]: 4 }))).toEqual({
      ahead: [
        { affinity: A, jobs: 4 },
        { affinity: CLOUD_AFFINITY, jobs: 3 },
        { affinity: B, jobs: 2 },
        { affinity: C, jobs: 1 },
      ],
      draining: { affinity: A, turnsInMs: null },
    })
  })

  it('are an empty list for the next job', () => {
    expect(queuePositionOf(A, order, older({}))).toEqual({ ahead: [] })
  })
})
