// Async iteration that can be ended at any time, even while `next()` is pending, which a generator alone cannot do. Nothing
// starts before the first step, and ending early leaves nothing open.

import { CallDeadline } from './call-deadline.ts'

/** Works with `for await`. `break`, `return()` and the end of an `await using` block end it. */
export interface Iteration<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  [Symbol.asyncIterator](): Iteration<T>
  return(): Promise<IteratorResult<T>>
}

/** `run` must end soon after the signal of its deadline is aborted. */
export function iteration<T>(
  signal: AbortSignal | undefined,
  run: (deadline: CallDeadline) => AsyncGenerator<T, void, void>,
): Iteration<T> {
  let deadline: CallDeadline | undefined
  async function* steps(): AsyncGenerator<T, void, void> {
    deadline = new CallDeadline(signal)
    try {
      deadline.signal.throwIfAborted()
      yield* run(deadline)
    } catch (error) {
      if (!deadline.isDisposed) throw error
    } finally {
      deadline.dispose()
    }
  }
  const generator = steps()
  const stop = generator.return.bind(generator)
  const end = (): Promise<IteratorResult<T>> => {
    deadline?.dispose()
    return stop()
  }
  return Object.assign(generator, { return: end, [Symbol.asyncDispose]: async () => void (await end()) })
}
