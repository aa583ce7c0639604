// Owns an iteration that can be left at any time, also while its next step is waited for (which a generator alone cannot).
// Nothing is begun before the first step; whoever leaves early leaves nothing open.

import { CallDeadline } from './call-deadline.ts'

/** What `for await` takes. `return()`, and the end of an `await using`, leave it. */
export interface Iteration<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  [Symbol.asyncIterator](): Iteration<T>
  return(): Promise<IteratorResult<T>>
}

const never = (): Error => new Error('an iteration has no time limit')

/** `run` must end soon after the signal of its patience did. */
export function iteration<T>(
  signal: AbortSignal | undefined,
  run: (patience: CallDeadline) => AsyncGenerator<T, void, void>,
): Iteration<T> {
  let patience: CallDeadline | undefined
  async function* steps(): AsyncGenerator<T, void, void> {
    patience = new CallDeadline(signal, Number.POSITIVE_INFINITY, never)
    try {
      patience.throwIfOver()
      yield* run(patience)
    } catch (error) {
      if (!patience.isLeft) throw error
    } finally {
      patience.release()
    }
  }
  const generator = steps()
  const leave = (): Promise<IteratorResult<T>> => {
    patience?.dispose()
    return generator.return()
  }
  return {
    next: () => generator.next(),
    return: leave,
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {
      await leave()
    },
  }
}
