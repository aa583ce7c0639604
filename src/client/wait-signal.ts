// Owns a wait that somebody may end early. When it is over, however it ended, no timer and no listener is left.

export class WaitSignal {
  #isRung = false
  #answer: (() => void) | null = null

  /** Whoever waits goes on; if nobody does, the next one will not have to. */
  set(): void {
    this.#isRung = true
    this.#answer?.()
  }

  /** Resolves when it is rung or after `ms`; rejects with the signal's reason. One waits at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#answer = null
        this.#isRung = false
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      const timer = setTimeout(done, ms)
      if (signal.aborted || this.#isRung) return done()
      signal.addEventListener('abort', done, { once: true })
      this.#answer = done
    })
  }
}
