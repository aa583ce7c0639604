// Owns the body of a submit: the caller's own, and the options as the keys that foreman cuts out again. Bytes and text are
// never parsed and written anew: numbers, order and white space reach the model as they were.

import type { JobState } from '../protocol/wire.ts'

/** A request of the endpoint, by default a native chat. What is not named here is passed on all the same. */
export interface JobBody {
  readonly model: string
  readonly messages?: readonly unknown[]
  readonly [key: string]: unknown
}

/** A duration: `500ms`, `30s`, `5m`, `24h`, or milliseconds. */
export type Duration = string | number

export interface JobOptions {
  /** Any queued JSON endpoint of the target. Default `/api/chat`. */
  readonly endpoint?: string | undefined
  /** To find the job by; at most 200 characters. */
  readonly label?: string | undefined
  /** Where each state change is POSTed to (docs/webhooks.md). Takes the place of the client's own receiver. */
  readonly webhookUrl?: string | undefined
  /** Only these. Default: all. */
  readonly webhookEvents?: readonly JobState[] | undefined
  /** If it has not been started by then, it is cancelled: `start_before_passed`. */
  readonly startBefore?: Duration | undefined
  /** If it is not over by then, it is cancelled: `finish_before_passed`. */
  readonly finishBefore?: Duration | undefined
}

/** Throws a TypeError for an empty model, which no target has. */
export function checkModel({ model }: { readonly model: unknown }): void {
  if (typeof model !== 'string' || model.trim() === '') {
    throw new TypeError(`model is ${model === '' ? 'empty' : JSON.stringify(model)}: name a model, such as "qwen3:14b"`)
  }
}

/** Throws a TypeError for an empty model, and when options are to go into bytes that are not a JSON object. */
export function bodyOf(body: JobBody | string | Uint8Array, options: JobOptions): string | Uint8Array {
  const keys = wireKeys(options)
  const isEmpty = Object.keys(keys).length === 0
  if (typeof body === 'string') return isEmpty ? body : withKeys(body, keys)
  if (!(body instanceof Uint8Array)) checkModel(body)
  if (!(body instanceof Uint8Array)) return JSON.stringify({ ...body, ...keys })
  return isEmpty ? body : bytesWithKeys(body, keys)
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

const NO_OBJECT = 'options can only be put into a body that is a JSON object'

/** Right behind the first brace, as the first members. */
function withKeys(body: string, keys: Readonly<Record<string, unknown>>): string {
  const opening = /^\s*\{/.exec(body)?.[0]
  if (opening === undefined) throw new TypeError(NO_OBJECT)
  const rest = body.slice(opening.length)
  return `${opening}${members(keys, rest.trimStart().startsWith('}'))}${rest}`
}

function bytesWithKeys(body: Uint8Array, keys: Readonly<Record<string, unknown>>): Uint8Array {
  const at = firstByte(body, 0)
  if (body[at] !== 0x7b) throw new TypeError(NO_OBJECT)
  const isEmpty = body[firstByte(body, at + 1)] === 0x7d
  const inserted = new TextEncoder().encode(members(keys, isEmpty))
  const bytes = new Uint8Array(body.length + inserted.length)
  bytes.set(body.subarray(0, at + 1))
  bytes.set(inserted, at + 1)
  bytes.set(body.subarray(at + 1), at + 1 + inserted.length)
  return bytes
}

/** `"label":"x",` – without the last comma where nothing follows. */
function members(keys: Readonly<Record<string, unknown>>, isLast: boolean): string {
  const inner = JSON.stringify(keys).slice(1, -1)
  return isLast ? inner : `${inner},`
}

/** Where the first byte is that is no white space. */
function firstByte(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) at++
  return at
}
