// Type of the rows of the request tables, and the options that make runs of a tiny model repeatable.

import { isSince } from '../../../src/daemon/domain/ollama-version.ts'
import { type Call, post } from '../exchange.ts'

/** One value for all versions, or one before a version and another since. */
export type Status = number | { readonly before: number; readonly version: string; readonly since: number }

/** `before` for older versions, `since` from `version` on. */
export const changed = (before: number, version: string, since: number): Status => ({ before, version, since })

export const statusIn = (status: Status, version: string): number =>
  typeof status === 'number' ? status : isSince(version, status.version) ? status.since : status.before

/** A request and its status from the real Ollama, which shows that the row causes what it says. */
export interface Row {
  readonly name: string
  readonly status: Status
  readonly call: Call
  /** Repeated until both answers agree, because foreman answers from its last probe. */
  readonly eventually?: true
  /** A text that the real answer must contain; without it the row would show nothing. */
  readonly shows?: RegExp
  /** The first version that supports it. */
  readonly since?: string
}

export const row = (name: string, status: Status, call: Call): Row => ({ name, status, call })

/** A JSON body, POSTed. */
export const posted = (name: string, status: Status, path: string, body: unknown): Row =>
  row(name, status, post(path, body))

/** A raw body, POSTed as JSON. */
export const raw = (name: string, status: Status, path: string, body: string | Buffer): Row =>
  row(name, status, { method: 'POST', path, headers: { 'Content-Type': 'application/json' }, body })

export const asked = (name: string, status: Status, method: string, path: string): Row =>
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
