// Owns doing many things at once that each end what they start: the first failure is told when all are over, so that no
// program outlives the test that failed.

/** As Promise.all, but it waits for all before it rejects. */
export async function settled<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(all)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

/** So many at a time: each that starts a program has a deadline for that start, and a slow machine only so much to give. */
export async function settledInTurn<T>(
  things: readonly T[],
  atOnce: number,
  todo: (thing: T) => Promise<unknown>,
): Promise<void> {
  const left = [...things]
  const worker = async (): Promise<void> => {
    for (let thing = left.shift(); thing !== undefined; thing = left.shift()) await todo(thing)
  }
  await settled(Array.from({ length: atOnce }, worker))
}
