// Helpers for client suites: two runs of one client made comparable without times, and a model that repeats its answers.

import { exchange, post } from './exchange.ts'

const TIMES = new Set([
  'created_at',
  'expires_at',
  'total_duration',
  'load_duration',
  'prompt_eval_duration',
  'eval_duration',
  // Since 0.34 the second request finds more of the prompt in the cache than the first.
  'prompt_eval_cached_count',
])

/** Ollama generates them randomly. */
const isCallId = (key: string, value: unknown): boolean => key === 'id' && /^call_/.test(String(value))

/** A copy without times, and without values that depend on the order of the requests. */
export function timeless(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(timeless)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !TIMES.has(key))
      .map(([key, inner]) => [key, isCallId(key, inner) ? '<id>' : timeless(inner)]),
  )
}

/** tiny-a with temperature 0, for clients that cannot send options. */
export const CERTAIN = 'tiny-certain'

export async function makeCertain(ollamaUrl: string): Promise<void> {
  const parameters = { temperature: 0, seed: 7, num_predict: 8, num_ctx: 2048, num_thread: 1 }
  const made = await exchange(
    ollamaUrl,
    post('/api/create', { model: CERTAIN, from: 'tiny-a', parameters, stream: false }),
  )
  if (made.status !== 200) throw new Error(`${CERTAIN} could not be made: ${made.body}`)
}

export async function dropCertain(ollamaUrl: string): Promise<void> {
  await exchange(ollamaUrl, { ...post('/api/delete', { model: CERTAIN }), method: 'DELETE' })
}
