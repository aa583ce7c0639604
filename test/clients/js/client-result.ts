// Result of a JavaScript client for its user: the text, or class, message and status of the error.

import type { ClientResult } from '../conformance/client-mode.ts'

const fieldOf = (error: object, name: string): unknown => (error as Readonly<Record<string, unknown>>)[name]

/** Reads the field of openai and anthropic, ollama-js, or the AI SDK. */
function statusOf(error: object): number | null {
  for (const name of ['status', 'status_code', 'statusCode']) {
    const value = fieldOf(error, name)
    if (typeof value === 'number') return value
  }
  // The AI SDK wraps the error of a retried call.
  const last = fieldOf(error, 'lastError')
  return typeof last === 'object' && last !== null ? statusOf(last) : null
}

export function resultOfError(reason: unknown): ClientResult {
  if (typeof reason !== 'object' || reason === null)
    return { kind: 'error', type: typeof reason, message: String(reason), status: null }
  const { name } = reason.constructor
  // Some classes keep the name of their parent class, and some errors have a name that is more specific than their class.
  const own = fieldOf(reason, 'name')
  const type = typeof own === 'string' && own !== 'Error' ? own : name
  const message = fieldOf(reason, 'message')
  return {
    kind: 'error',
    type,
    message: typeof message === 'string' ? message : JSON.stringify(reason),
    status: statusOf(reason),
  }
}

export const resultOf = (answer: Promise<string>): Promise<ClientResult> =>
  answer.then((text): ClientResult => ({ kind: 'text', text }), resultOfError)
