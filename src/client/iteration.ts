// Async iteration that can be ended at any time, even while `next()` is pending, which a generator alone cannot do. Nothing
// starts before the first step, and ending early leaves nothing open.

import { CallDeadline } from './call-deadline.ts'

/** Works with `for await`. `break`, `return()` and the end of an `await using` block end it. */
export interface Iteration<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  [Symbol.asyncIterator](): Iteration<T>
  return(): Promise<IteratorResult<T>>
}

const never = (): Error => new Error('an iteration has no time limit')

/** `run` must end soon after the signal of its deadline is aborted. */
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
