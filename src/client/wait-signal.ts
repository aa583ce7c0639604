// Sleep that can be ended early. Afterwards no timer or listener is left.

export class WaitSignal {
  #isSet = false
  #wake: (() => void) | null = null

  /** Ends the current wait, or else the next one. */
  set(): void {
    this.#isSet = true
    this.#wake?.()
  }

  /** Resolves on `set` or after `ms`. Rejects with the signal's reason. Only one wait at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#wake = null
        this.#isSet = false
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      const timer = setTimeout(done, ms)
      if (signal.aborted || this.#isSet) return done()
      signal.addEventListener('abort', done, { once: true })
      this.#wake = done
    })
  }
}
