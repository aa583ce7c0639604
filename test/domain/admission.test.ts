// Tests of the queue limits and of the Retry-After of a full queue.

import { describe, expect, it } from 'vitest'
import { admit, retryAfterSeconds } from '../../src/daemon/domain/job.ts'

describe('the admission of a job', () => {
  const limits = { maxQueue: 2, maxQueueBytes: 100 }
  it('succeeds while there is room', () => expect(admit(50, { jobs: 1, bytes: 50 }, limits)).toBe('admitted'))
  it('is refused for one job too many', () => expect(admit(1, { jobs: 2, bytes: 2 }, limits)).toBe('queue_full'))
  it('is refused for one byte too many', () => expect(admit(51, { jobs: 1, bytes: 50 }, limits)).toBe('queue_full'))
  it('succeeds for one large body in an empty queue', () =>
    expect(admit(500, { jobs: 0, bytes: 0 }, limits)).toBe('admitted'))
  it('returns the seconds to wait before a retry if it refuses the job', () => {
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, null)).toBe(10)
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, 2_500)).toBe(3)
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, 10)).toBe(1)
    expect(retryAfterSeconds({ jobs: 2, bytes: 0 }, limits, 1e9)).toBe(600)
  })
})
