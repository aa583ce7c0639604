// Owns the form of a row of the request tables, and the options that make a run of a tiny model the same each time.

import { type Call, post } from '../exchange.ts'

/** A request and the status that the real Ollama gives it: a row that provokes something else than it says is a mistake. */
export interface Row {
  readonly name: string
  readonly status: number
  readonly call: Call
  /** Asked again until both answer alike: foreman answers from its last probe. */
  readonly eventually?: true
}

export const row = (name: string, status: number, call: Call): Row => ({ name, status, call })

/** A JSON body, POSTed. */
export const posted = (name: string, status: number, path: string, body: unknown): Row =>
  row(name, status, post(path, body))

/** A body as it stands, POSTed as JSON. */
export const raw = (name: string, status: number, path: string, body: string | Buffer): Row =>
  row(name, status, { method: 'POST', path, headers: { 'Content-Type': 'application/json' }, body })

export const asked = (name: string, status: number, method: string, path: string): Row =>
  row(name, status, { method, path })

export const SAME_EACH_TIME = { seed: 7, temperature: 0, num_predict: 6 } as const

export const HELLO = [{ role: 'user', content: 'hello there' }] as const

export const WEATHER_TOOL = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'the weather of a town',
    parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
  },
} as const

export const ANSWER_SCHEMA = {
  type: 'object',
  properties: { ok: { type: 'boolean' } },
  required: ['ok'],
} as const

/** One transparent pixel. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
