// Whether the end of a stream holds an error event that clients of this surface recognise. They skip an error in any other
// form: a bare line between events, or an unnamed event on /v1/messages. Pure.

import type { Dialect } from '../../domain/endpoint.ts'

/** Errors of the target are shorter. A longer one is sent again, which is harmless: clients stop at the first. */
const MAX_SEARCHED_BYTES = 64 * 1024

/** Whether one of the events in `chunk`, the last bytes of an event stream, is an error to the clients of `dialect`. */
export function hasErrorEvent(dialect: Dialect, chunk: Buffer): boolean {
  const text = chunk.toString('utf8', Math.max(0, chunk.length - MAX_SEARCHED_BYTES))
  return text.split(/\r?\n\r?\n/).some((event) => isError(dialect, event.split(/\r?\n/)))
}

function isError(dialect: Dialect, lines: readonly string[]): boolean {
  const data = lines.flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : [])).join('\n')
  const document = parsed(data)
  if (document === null) return false
  // Anthropic's clients look only at the event's name, and drop an event without one.
  if (dialect === 'anthropic') return lines.some((line) => /^event: ?error$/.test(line))
  // Codex looks only at this type.
  if (dialect === 'responses') return document['type'] === 'response.failed'
  return (document['error'] ?? null) !== null
}

function parsed(data: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
