// Table of the reasons why a job waits. Exactly one is given: the first that applies.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type QueueCondition, waitingFor } from '../../src/daemon/domain/wait-reason.ts'
import { job } from './job-example.ts'

const NOW = 1_000_000
const FREE: QueueCondition = {
  now: NOW,
  pause: null,
  storageFullSince: null,
  unreachableSince: null,
  swappedAt: null,
  running: null,
  idleSince: null,
}
const NEXT = { ahead: [] }
const DRAINED = { ahead: [], draining: { affinity: 'tiny-a:latest', turnsInMs: 60_000 } }
const running = { jobId: 'R', since: NOW - 5_000 }
const came = job({ id: 'J', createdAt: NOW - 9_000 })
const back = job({ id: 'J', createdAt: NOW - 90_000, requeuedAt: NOW - 1_000, availableAt: NOW + 4_000 })

describe('the wait reason of a job', () => {
  it.each([
    ['the pause', came, NEXT, { pause: { since: 5, until: null } }, { reason: 'paused', since: 5, until: null }],
    ['the end of the pause', came, NEXT, { pause: { since: 5, until: 9 } }, { reason: 'paused', since: 5, until: 9 }],
    ['room on the disk', came, NEXT, { storageFullSince: 7 }, { reason: 'storage_full', since: 7 }],
    ['the target', came, NEXT, { unreachableSince: 8, running }, { reason: 'target_unreachable', since: 8 }],
    ['its backoff', back, NEXT, { running }, { reason: 'backoff', since: NOW - 1_000, until: NOW + 4_000 }],
    [
      'the hour that the target asked for',
      { ...back, availableAt: NOW + 3_600_000 },
      NEXT,
      { running },
      { reason: 'backoff', since: NOW - 1_000, until: NOW + 3_600_000 },
    ],
    [
      'another affinity, and until when at the latest',
      came,
      DRAINED,
      { running, swappedAt: 77 },
      { reason: 'draining', since: 77, affinity: 'tiny-a:latest', until: NOW + 60_000 },
    ],
    ['the running job', came, NEXT, { running }, { reason: 'running', ...running }],
    ['its own claim', came, NEXT, {}, { reason: 'running', since: NOW - 9_000, jobId: null }],
    [
      'the claim after the last run',
      came,
      NEXT,
      { idleSince: NOW - 1 },
      { reason: 'running', since: NOW - 1, jobId: null },
    ],
    [
      'its claim, whose answer is on its way',
      came,
      NEXT,
      { running: { ...running, jobId: 'J' } },
      { reason: 'running', since: NOW - 9_000, jobId: null },
    ],
  ] as const)('%s', (_, waiting, queuePosition, condition, expected) => {
    expect(waitingFor(waiting, queuePosition, { ...FREE, ...condition })).toEqual(expected)
  })

  it.each([
    ['has ended', { ...back, availableAt: NOW }],
    ['began later than now', { ...back, requeuedAt: NOW + 1_000, availableAt: NOW + 3_600_000 }],
    ['is longer than any', { ...back, availableAt: NOW + 2 * 3_600_000 }],
  ])('is not a backoff if %s', (_, waiting) => {
    expect(waitingFor(waiting, NEXT, { ...FREE, running }).reason).toBe('running')
  })

  it('is a pause before any other reason, and the other reason after it', () => {
    const at = fc.option(fc.nat(NOW))
    const condition = fc.record({
      pause: fc.option(fc.record({ since: fc.nat(NOW), until: fc.option(fc.nat(2 * NOW)) })),
      storageFullSince: at,
      unreachableSince: at,
      swappedAt: at,
      running: fc.option(fc.constant(running)),
      idleSince: at,
    })
    fc.assert(
      fc.property(
        condition,
        fc.constantFrom(came, back),
        fc.constantFrom(NEXT, DRAINED),
        (held, waiting, queuePosition) => {
          const all = { ...FREE, ...held }
          const order = [all.pause, all.storageFullSince, all.unreachableSince]
          const names = ['paused', 'storage_full', 'target_unreachable']
          const first = names[order.findIndex((one) => one !== null)]
          const { reason } = waitingFor(waiting, queuePosition, all)
          if (first !== undefined) expect(reason).toBe(first)
          else expect(reason).toBe(waiting === back ? 'backoff' : queuePosition === DRAINED ? 'draining' : 'running')
        },
      ),
    )
  })
})
