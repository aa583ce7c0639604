// Owns the few figures that a bench may print: medians, quantiles and ratios of repeated measurements. Never a mean:
// one hiccup of a shared machine would be in it.

/** The q-quantile (0 ≤ q ≤ 1) by the nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))
  return sorted[rank] ?? Number.NaN
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** Three digits that matter, whatever the size. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
