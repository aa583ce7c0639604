// Promise.all for tasks that must clean up: the first error is thrown when all have ended, so that no program outlives a failed test.

/** Like Promise.all, but waits for all before it rejects. */
export async function allSettled<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const results = await Promise.allSettled(all)
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

/** Runs at most `atOnce` at a time: each starts a program with a deadline, and a slow machine cannot start many at once. */
export async function allSettledInTurn<T>(
  things: readonly T[],
  atOnce: number,
  todo: (thing: T) => Promise<unknown>,
): Promise<void> {
  const left = [...things]
  const worker = async (): Promise<void> => {
    for (let thing = left.shift(); thing !== undefined; thing = left.shift()) await todo(thing)
  }
  await allSettled(Array.from({ length: atOnce }, worker))
}
