// Estimated start of a waiting job, from the measured times of everything ahead of it.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLOUD_AFFINITY, NOTHING_RESIDENT, type Residency } from '../../src/daemon/domain/affinity.ts'
import { RunTimes } from '../../src/daemon/domain/eta.ts'

const A = 'a:latest'
const B = 'b:latest'
const RESIDENT_A: Residency = { affinity: A, foreign: [] }

const ahead = (...groups: [affinity: string, jobs: number][]) => ({
  ahead: groups.map(([affinity, jobs]) => ({ affinity, jobs })),
})

/** a: runs 10 s, loads 3 s; b: runs 20 s, loads 5 s. */
function measured(): RunTimes {
  const times = new RunTimes()
  times.learn(A, 10_000, 3_000)
  times.learn(B, 20_000, 5_000)
  return times
}

describe('the expected wait of a queued job', () => {
  it.each<[string, Parameters<RunTimes['waitMs']>, number | null]>([
    ['is nothing when nothing is before it', [ahead([A, 0]), RESIDENT_A, null], 0],
    ['is what the jobs before it take', [ahead([A, 3]), RESIDENT_A, null], 30_000],
    ['is what is left of the running job', [ahead([A, 0]), RESIDENT_A, { affinity: A, runningMs: 4_000 }], 6_000],
    ['is nothing when the running one is over by now', [ahead(), RESIDENT_A, { affinity: A, runningMs: 10_000 }], 0],
    ['is nothing behind one that runs longer', [ahead(), RESIDENT_A, { affinity: A, runningMs: 99_000 }], 0],
    ['holds a load for each model that is not resident', [ahead([A, 1], [B, 2]), RESIDENT_A, null], 55_000],
    ['leaves out a load that comes with the job itself', [ahead([A, 1], [B, 0]), RESIDENT_A, null], 10_000],
    ['holds a load for both when nothing is resident', [ahead([A, 1], [B, 1]), NOTHING_RESIDENT, null], 38_000],
    ['takes a model that somebody else loaded as loaded', [ahead([B, 1]), { affinity: A, foreign: [B] }, null], 20_000],
    [
      'takes the model for an affinity never run',
      [ahead([`${A} num_ctx=8`, 1]), { affinity: `${A} num_ctx=8`, foreign: [] }, null],
      10_000,
    ],
    ['is unknown for a model never run', [ahead(['c:latest', 1]), RESIDENT_A, null], null],
    [
      'is unknown behind a running job never run before',
      [ahead(), RESIDENT_A, { affinity: 'c:latest', runningMs: 1 }],
      null,
    ],
    ['is unknown for a load never measured', [ahead([`${A} num_ctx=8`, 1]), RESIDENT_A, null], null],
  ])('is right for: %s', (_name, [queuePosition, residency, running], expected) => {
    expect(measured().waitMs(queuePosition, residency, running)).toBe(expected)
  })

  it('includes no load for a cloud model', () => {
    const times = new RunTimes()
    times.learn(CLOUD_AFFINITY, 2_000, null)
    expect(times.waitMs(ahead([CLOUD_AFFINITY, 2]), NOTHING_RESIDENT, null)).toBe(4_000)
  })

  it('follows recent run times', () => {
    const times = new RunTimes()
    times.learn(A, 10_000, null)
    times.learn(A, 20_000, null)
    expect(times.waitMs(ahead([A, 1]), RESIDENT_A, null)).toBeCloseTo(12_000)
    for (let i = 0; i < 50; i++) times.learn(A, 20_000, null)
    expect(times.waitMs(ahead([A, 1]), RESIDENT_A, null)).toBeCloseTo(20_000, -1)
  })

  it('uses a limited number of recent affinities', () => {
    const times = new RunTimes()
    for (let i = 0; i < 1_000; i++) times.learn(`m${i}:latest`, 1_000, 1_000)
    expect(times.waitMs(ahead(['m999:latest', 1]), NOTHING_RESIDENT, null)).toBe(2_000)
    expect(times.waitMs(ahead(['m0:latest', 1]), NOTHING_RESIDENT, null)).toBeNull()
  })

  it('is never negative or NaN, whatever was measured', () => {
    const ms = fc.double()
    const since = fc.double({ noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(ms, fc.option(ms))), since, fc.nat(1_000), (learned, runningMs, jobs) => {
        const times = new RunTimes()
        for (const [run, load] of learned) times.learn(A, run, load)
        const wait = times.waitMs(ahead([A, jobs]), NOTHING_RESIDENT, { affinity: A, runningMs })
        return wait === null || wait >= 0
      }),
    )
  })
})
