// Named gates at which the fake can be made to wait. It never waits for a timer.

/** Resolves when `count` is reached. */
interface Waiter {
  readonly name: string
  readonly count: number
  readonly resolve: () => void
}

export class Gates {
  readonly #held = new Set<string>()
  readonly #inside = new Map<string, (() => void)[]>()
  #waiters: Waiter[] = []

  hold(name: string): void {
    this.#held.add(name)
  }

  /** Opens the gate permanently, for all waiters. */
  release(name: string): void {
    this.#held.delete(name)
    for (const pass of this.#inside.get(name)?.splice(0) ?? []) pass()
  }

  /** Lets one answer pass; the gate stays closed. */
  step(name: string): void {
    this.#inside.get(name)?.shift()?.()
  }

  /** Opens every gate. */
  releaseAll(): void {
    for (const name of [...this.#held, ...this.#inside.keys()]) this.release(name)
  }

  /** Resolves when `count` answers wait at the gate. */
  waiting(name: string, count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiters.push({ name, count, resolve })
    this.#tell()
    return promise
  }

  /** Called by the fake: resolves when the gate is open. */
  async pass(name: string): Promise<void> {
    if (!this.#held.has(name)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const inside = this.#inside.get(name) ?? []
    inside.push(resolve)
    this.#inside.set(name, inside)
    this.#tell()
    await promise
  }

  #tell(): void {
    this.#waiters = this.#waiters.filter(({ name, count, resolve }) => {
      if ((this.#inside.get(name)?.length ?? 0) < count) return true
      resolve()
      return false
    })
  }
}
