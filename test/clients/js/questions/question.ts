// What every table of questions shares: the form of a question, the models, and the options with which a tiny model
// says the same each time.

/** Asks the server at `url` through one client, and gives all that the client gives its user. */
export type Question = (url: string) => Promise<unknown>
export type Questions = Readonly<Record<string, Question>>

/** Says the same each time, also to those who cannot send options. */
export const CERTAIN = 'tiny-certain'
/** Calls tools and thinks, see `test/answer/answers/record.ts`. */
export const ACTING = 'tiny-acts'
export const EMBEDDER = 'tiny-embed'
export const MISSING = 'nope'

export const SAME = { seed: 7, temperature: 0, num_predict: 6, num_thread: 1 } as const

export const weather = {
  name: 'weather',
  description: 'the weather of a town',
  parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
} as const

/** What makes ACTING call the tool: the call is forced by the form of the answer. */
export const CALLS = {
  prefixItems: [
    {
      type: 'object',
      properties: {
        name: { const: 'weather' },
        arguments: { type: 'object', properties: { town: { const: 'Łódź' } }, required: ['town'] },
      },
      required: ['name', 'arguments'],
    },
  ],
} as const

export const SCHEMA = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } as const

/** One transparent pixel. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='

export async function all(parts: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = []
  for await (const part of parts) list.push(part)
  return list
}
