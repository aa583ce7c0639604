// Owns doing many things at once that each end what they start: the first failure is told when all are over, so that no
// program outlives the test that failed.

/** As Promise.all, but it waits for all before it rejects. */
export async function settled<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(all)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}
