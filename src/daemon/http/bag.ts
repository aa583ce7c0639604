// Unordered list for members that come and go all the time, in place of a Set. V8 leaves the outgrown tables of a Set chained
// together. If one reaches the old generation, it keeps all later ones, with every request in them, until the next full
// collection (seen with embeddings: 4 of 17 MB outlived each small collection, at twice the CPU).

export class Bag<T> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  /** Adds a member that is not in the list yet. */
  add(member: T): void {
    this.#members.push(member)
  }

  /** Returns whether the member was present. The order of the others is not kept. */
  delete(member: T): boolean {
    const at = this.#members.indexOf(member)
    const last = this.#members.at(-1)
    if (at < 0 || last === undefined) return false
    this.#members[at] = last
    this.#members.pop()
    return true
  }

  /** The members now. Later changes do not affect the returned list. */
  [Symbol.iterator](): Iterator<T> {
    return this.#members.slice().values()
  }
}
