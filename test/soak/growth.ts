// Check whether the samples of a soak grow. Pure.

export interface Sample {
  readonly seconds: number
  /** All in MiB. */
  readonly heap: number
  readonly external: number
  readonly resident: number
  readonly file: number
  readonly log: number
  readonly cpuSeconds: number
}

type Measure = 'heap' | 'external' | 'resident' | 'file'

/** Allowed growth of a measure from the second third of the run to the last: a share plus a number of MiB. */
const ALLOWED: Readonly<Record<Measure, { readonly share: number; readonly mib: number }>> = {
  heap: { share: 0.1, mib: 2 },
  external: { share: 0.1, mib: 4 },
  resident: { share: 0.05, mib: 6 },
  file: { share: 0.1, mib: 2 },
}

/** SQLite truncates its log to 64 MiB; the pages of one more transaction may come on top. */
const MAX_LOG_MIB = 80

/** The first third fills caches, the prepared statements and the pages that pruning frees again. */
const SETTLED = 1 / 3
const LATE = 2 / 3

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export interface Growth {
  readonly measure: Measure
  readonly settled: number
  readonly late: number
  readonly isFlat: boolean
}

export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const end = samples.at(-1)?.seconds ?? 0
  const between = (from: number, to: number): readonly Sample[] =>
    samples.filter(({ seconds }) => seconds > from * end && seconds <= to * end)
  return (Object.keys(ALLOWED) as Measure[]).map((measure) => {
    const settled = median(between(SETTLED, LATE).map((sample) => sample[measure]))
    const late = median(between(LATE, 1).map((sample) => sample[measure]))
    const { share, mib } = ALLOWED[measure]
    return { measure, settled, late, isFlat: late <= settled * (1 + share) + mib }
  })
}

export const isLogBounded = (samples: readonly Sample[]): boolean => samples.every(({ log }) => log <= MAX_LOG_MIB)
