// Checks of the names in a query: each must be known, and sent once. A misspelt filter must not show everything.

import { quoteForError } from '../quote.ts'

/** Returns a sentence for each name that is unknown or sent twice. */
export function parameterProblems(query: URLSearchParams, allowed: readonly string[]): string[] {
  const names = [...new Set(query.keys())]
  const unknown = names.filter((name) => !allowed.includes(name)).slice(0, 5)
  const twice = names.filter((name) => allowed.includes(name) && query.getAll(name).length > 1)
  return [
    ...unknown.map((name) => `unknown parameter ${quoteForError(name)}: allowed are ${allowed.join(', ')}`),
    ...twice.map((name) => `${name} must be sent once`),
  ]
}
