// Body of a submit: the caller's body, plus the options as keys that foreman removes again. Bytes and text are never parsed
// and serialized again, so that numbers, order and white space reach the model unchanged.

import { concatenated } from '../protocol/bytes.ts'
import type { JobState } from '../protocol/wire.ts'

/** Request body of the endpoint, by default of `/api/chat`. Other keys are passed to Ollama unchanged. */
export interface JobBody {
  /** The model, such as `qwen3:14b`. Must not be empty. */
  readonly model: string
  /** Ollama's messages: `{ role, content }`. */
  readonly messages?: readonly unknown[]
  readonly [key: string]: unknown
}

/** A duration as text (`500ms`, `30s`, `5m`, `24h`) or in milliseconds. */
export type Duration = string | number

export interface JobOptions {
  /** Any queued JSON endpoint of Ollama. Default: `/api/chat`. */
  readonly endpoint?: string | undefined
  /** A name to find the job, at most 200 characters. Default: none. */
  readonly label?: string | undefined
  /** URL that receives each state change (docs/webhooks.md). Default: the client's receiver, if it has one. */
  readonly webhookUrl?: string | undefined
  /** States whose changes are sent to the webhook. Default: all. */
  readonly webhookEvents?: readonly JobState[] | undefined
  /** If the job has not started within this time, it is cancelled with the code `start_before_passed`. Default: no limit. */
  readonly startBefore?: Duration | undefined
  /** If the job has not ended within this time, it is cancelled with the code `finish_before_passed`. Default: no limit. */
  readonly finishBefore?: Duration | undefined
}

/** Throws a TypeError if the model is empty. */
export function checkModel({ model }: { readonly model: unknown }): void {
  if (typeof model !== 'string' || model.trim() === '') {
    throw new TypeError(`model is ${model === '' ? 'empty' : JSON.stringify(model)}: name a model, such as "qwen3:14b"`)
  }
}

/** Throws a TypeError if the model is empty, or if options must be added to text or bytes that are not a JSON object. */
export function bodyOf(body: JobBody | string | Uint8Array, options: JobOptions): string | Uint8Array {
  const keys = wireKeys(options)
  const isEmpty = Object.keys(keys).length === 0
  if (typeof body === 'string') return isEmpty ? body : withKeys(body, keys)
  if (body instanceof Uint8Array) return isEmpty ? body : bytesWithKeys(body, keys)
  checkModel(body)
  return JSON.stringify({ ...body, ...keys })
}

function wireKeys(options: JobOptions): Readonly<Record<string, unknown>> {
  const keys = {
    endpoint: options.endpoint,
    label: options.label,
    state_webhook_url: options.webhookUrl,
    webhook_events: options.webhookEvents,
    start_before: duration(options.startBefore),
    finish_before: duration(options.finishBefore),
  }
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
}

const duration = (value: Duration | undefined): string | undefined => (typeof value === 'number' ? `${value}ms` : value)

const NOT_AN_OBJECT = 'options can only be added to a body that is a JSON object'

/** Inserts the keys after the opening brace, as the first members. */
function withKeys(body: string, keys: Readonly<Record<string, unknown>>): string {
  const opening = /^\s*\{/.exec(body)?.[0]
  if (opening === undefined) throw new TypeError(NOT_AN_OBJECT)
  const rest = body.slice(opening.length)
  return `${opening}${members(keys, rest.trimStart().startsWith('}'))}${rest}`
}

function bytesWithKeys(body: Uint8Array, keys: Readonly<Record<string, unknown>>): Uint8Array {
  const at = firstByte(body, 0)
  if (body[at] !== 0x7b) throw new TypeError(NOT_AN_OBJECT)
  const isEmpty = body[firstByte(body, at + 1)] === 0x7d
  const inserted = new TextEncoder().encode(members(keys, isEmpty))
  return concatenated([body.subarray(0, at + 1), inserted, body.subarray(at + 1)])
}

/** `"label":"x",` – without the comma if nothing follows. */
function members(keys: Readonly<Record<string, unknown>>, isLast: boolean): string {
  const inner = JSON.stringify(keys).slice(1, -1)
  return isLast ? inner : `${inner},`
}

/** Index of the first byte, from `from`, that is not white space. */
function firstByte(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) at++
  return at
}
