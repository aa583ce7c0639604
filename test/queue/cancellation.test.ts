// A cancel of a job in each phase: while it waits, is claimed, runs, and after its end.

import { describe, expect, it } from 'vitest'
import type { StopReason } from '../../src/daemon/domain/attempt.ts'
import type { Job, JobError } from '../../src/daemon/domain/job.ts'
import { Relay } from '../../src/daemon/runtime/relay.ts'
import { Cancellation, type CancellationParts } from '../../src/daemon/services/cancellation.ts'
import type { JobChange } from '../../src/daemon/sqlite/store.ts'
import { job as jobExample } from '../domain/job-example.ts'
import { TestClock } from '../test-clock.ts'

const ERROR: JobError = { code: 'cancelled', message: 'request canceled', status: null }

interface World {
  readonly job: Job | null
  /** The id of the job at the target, from the given request on. */
  readonly runsFrom?: number
  /** Whether the row is still in a state that is not final. */
  readonly writes?: boolean
}

function world({ job, runsFrom = Number.POSITIVE_INFINITY, writes = true }: World) {
  let asked = 0
  const stopped: [StopReason, string | undefined][] = []
  const written: JobChange[] = []
  const parts = {
    clock: new TestClock(),
    relay: new Relay(),
    store: { get: async () => job },
    completer: {
      write: async (change: JobChange) => {
        written.push(change)
        return writes
      },
    },
    stopRunning(_id: string, reason: StopReason, limit?: string) {
      asked += 1
      if (asked < runsFrom) return 'not_running'
      stopped.push([reason, limit])
      return 'stopping'
    },
    // Only the members that this test uses.
  } as unknown as CancellationParts
  return { cancellation: new Cancellation(parts), stopped, written }
}

const queued = jobExample({ state: 'queued', startedAt: null })

describe('a job that is ended from outside', () => {
  it.each<readonly [string, World, string, number, number]>([
    ['that nobody knows', { job: null }, 'unknown', 0, 0],
    ['that is over', { job: jobExample({ state: 'done' }) }, 'over', 0, 0],
    ['that waits', { job: queued }, 'cancelled', 0, 1],
    ['that runs', { job: jobExample({ state: 'working' }), runsFrom: 1 }, 'stopping', 1, 0],
    ['that was sent while it was looked up', { job: queued, runsFrom: 2 }, 'stopping', 1, 0],
    ['that ended while that was written', { job: queued, writes: false }, 'over', 0, 1],
  ])('%s', async (_, given, result, stops, writes) => {
    const { cancellation, stopped, written } = world(given)
    expect(await cancellation.cancel('x', ERROR, 'cancelled')).toBe(result)
    expect([stopped.length, written.length]).toEqual([stops, writes])
  })

  it('is not sent if it was being claimed', async () => {
    const { cancellation } = world({ job: queued })
    const cancelled = cancellation.cancel('x', ERROR, 'cancelled')
    await Promise.resolve()
    await Promise.resolve()
    expect(await cancellation.caught('x')).toBe(true)
    expect(await cancelled).toBe('cancelled')
    expect(await cancellation.caught('x')).toBe(true)
    cancellation.claiming()
    expect(cancellation.caught('x')).toBeNull()
  })

  it('continues if it had ended on its own before that was saved', async () => {
    const { cancellation } = world({ job: queued, writes: false })
    await cancellation.cancel('x', ERROR, 'cancelled')
    expect(await cancellation.caught('x')).toBe(false)
  })
})

describe('a job with a start deadline that has passed', () => {
  it.each<readonly [string, World]>([
    ['runs', { job: jobExample({ state: 'working', startedAt: 1 }), runsFrom: 1 }],
    ['waits for its second attempt', { job: jobExample({ state: 'queued', startedAt: 1 }), runsFrom: 1 }],
  ])('is not cancelled if it %s, because it has started', async (_, given) => {
    const { cancellation, stopped, written } = world(given)
    expect(await cancellation.cancel('x', ERROR, 'start_before_passed', '1s')).toBe('over')
    expect([stopped, written]).toEqual([[], []])
  })
})

describe('a job with a finish deadline that has passed', () => {
  it('is stopped, with the deadline in its error', async () => {
    const { cancellation, stopped } = world({ job: jobExample({ state: 'working', startedAt: 1 }), runsFrom: 1 })
    expect(await cancellation.cancel('x', ERROR, 'finish_before_passed', '90s')).toBe('stopping')
    expect(stopped).toEqual([['finish_before_passed', '90s']])
  })
})
