// Reader of the query of a request: each name must be known and sent once, and each value must be valid. A misspelt filter must
// not show everything.

import { quoteForError } from '../../text/quote.ts'
import { type OwnError, ownError } from '../respond.ts'

export class QueryReader<Name extends string> {
  readonly #query: URLSearchParams
  /** One sentence for each mistake. */
  readonly #problems: string[] = []

  constructor(query: string, names: readonly Name[]) {
    this.#query = new URLSearchParams(query)
    const sent = [...new Set(this.#query.keys())]
    const known: readonly string[] = names
    for (const name of sent.filter((name) => !known.includes(name)).slice(0, 5))
      this.#problems.push(`unknown parameter ${quoteForError(name)}: allowed are ${names.join(', ')}`)
    for (const name of sent.filter((name) => known.includes(name) && this.#query.getAll(name).length > 1))
      this.#problems.push(`${name} must be sent once`)
  }

  /** Returns the value of a parameter; null if it was not sent, or if `parse` returns null because it is invalid. */
  read<T>(name: Name, parse: (text: string) => T | null, allowed: string): T | null {
    return this.check(name, this.#query.get(name), parse, allowed)
  }

  /** As `read`, for a value that came in a header. */
  check<T>(name: string, text: string | null, parse: (text: string) => T | null, allowed: string): T | null {
    const value = text === null ? null : parse(text)
    if (text !== null && value === null) this.#problems.push(`${name} must be ${allowed}, not ${quoteForError(text)}`)
    return value
  }

  /** All mistakes together; null if there was none. */
  get error(): OwnError | null {
    return this.#problems.length === 0 ? null : ownError('bad_request', { detail: this.#problems.join('; ') })
  }
}
