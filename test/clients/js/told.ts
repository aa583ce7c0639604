// Owns what a program sees of a JavaScript client's answer or error: class, message, status, as the client gives them.

import type { Told } from '../conformance/way.ts'

const fieldOf = (error: object, name: string): unknown => (error as Readonly<Record<string, unknown>>)[name]

/** Where the clients keep it: openai and anthropic, ollama-js, the AI SDK. */
function statusOf(error: object): number | null {
  for (const name of ['status', 'status_code', 'statusCode']) {
    const value = fieldOf(error, name)
    if (typeof value === 'number') return value
  }
  // Around a retried error the AI SDK puts one of its own.
  const last = fieldOf(error, 'lastError')
  return typeof last === 'object' && last !== null ? statusOf(last) : null
}

export function toldByError(reason: unknown): Told {
  if (typeof reason !== 'object' || reason === null)
    return { kind: 'error', type: typeof reason, message: String(reason), status: null }
  const { name } = reason.constructor
  // Some classes keep the name of their parent, and some errors a name that says more than their class.
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

export const toldOf = (answer: Promise<string>): Promise<Told> =>
  answer.then((text): Told => ({ kind: 'text', text }), toldByError)
