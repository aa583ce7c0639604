// Table of foreman's own keys in the body of `POST /jobs`, and their reading. Each refusal says what is allowed, and all problems
// of a body are reported together. Pure.

import { MAX_WEBHOOK_URL_CHARS } from '../../protocol/webhook.ts'
import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import { type AsyncOptions, NO_OPTIONS, STATES, type State } from '../domain/job.ts'
import { duration } from '../text/grammar.ts'
import { decodeJsonString } from '../text/json.ts'
import { literalText, type Span } from '../text/json-scan.ts'
import { quoteForError } from '../text/quote.ts'

export const OWN_KEYS = [
  'endpoint',
  'label',
  'state_webhook_url',
  'webhook_events',
  'start_before',
  'finish_before',
] as const

export type OwnKey = (typeof OWN_KEYS)[number]

/** Where the values of foreman's own keys are. Keys that the body lacks are absent here. */
export type OwnMembers = Readonly<Partial<Record<OwnKey, Span>>>

export interface OptionsReading {
  readonly endpoint: EndpointPath
  /** `isJson` is not one of foreman's keys and always false here. */
  readonly options: AsyncOptions
  /** One sentence for each problem. Empty if there is none. */
  readonly problems: readonly string[]
}

/** Endpoints that take only forms are left out: a form cannot have foreman's keys. */
export const JOB_ENDPOINTS = (Object.keys(ENDPOINTS) as EndpointPath[]).filter(
  (path) => ENDPOINTS[path].body === 'json',
)

/** A label is a name to find jobs by, not a place for data. */
export const MAX_LABEL_CHARS = 200
/** At most a year. Less than a second would be over before the job is stored. */
export const DEADLINE = duration({ min: 1_000, max: 8760 * 3_600_000 })
/** The longest valid value, if all of it is escaped. A longer one is refused without being read. */
const MAX_TEXT_BYTES = 6 * MAX_WEBHOOK_URL_CHARS

const QUOTED_STATES = STATES.map((state) => JSON.stringify(state)).join(', ')

/** Reads the values of foreman's own keys in the JSON `bytes`. A null counts as absent. */
export function readOptions(bytes: Uint8Array, members: OwnMembers): OptionsReading {
  const problems: string[] = []
  const problem = (key: OwnKey, is: string, allowed: string): null => {
    problems.push(`${key} ${is}: ${allowed}`)
    return null
  }
  const set = (key: OwnKey): Span | null => {
    const value = members[key]
    return value === undefined || value.kind === 'null' ? null : value
  }
  const textOf = (key: OwnKey, allowed: string): string | null => {
    const value = set(key)
    if (value === null) return null
    if (value.kind !== 'string') return problem(key, isOfKind(bytes, value), allowed)
    const text = stringAt(bytes, value)
    return text === null ? problem(key, 'is too long', allowed) : text
  }

  const endpoint = (): EndpointPath => {
    const allowed = `allowed are ${JOB_ENDPOINTS.join(', ')}`
    const text = textOf('endpoint', allowed)
    const known = JOB_ENDPOINTS.find((path) => path === text)
    if (text !== null && known === undefined) problem('endpoint', `is ${quoteForError(text)}`, allowed)
    return known ?? '/api/chat'
  }
  const label = (): string | null => {
    const allowed = `it must be a text of 1 to ${MAX_LABEL_CHARS} characters, without control characters`
    const text = textOf('label', allowed)
    if (text === null) return null
    if (text === '') return problem('label', 'is empty', allowed)
    if (/\p{Cc}/u.test(text)) return problem('label', 'holds a control character', allowed)
    const { length } = [...text]
    return length > MAX_LABEL_CHARS ? problem('label', `has ${length} characters`, allowed) : text
  }
  const webhookUrl = (): string | null => {
    const allowed = `it must be an http or https URL of at most ${MAX_WEBHOOK_URL_CHARS} characters`
    const text = textOf('state_webhook_url', allowed)
    if (text === '') return problem('state_webhook_url', 'is empty', allowed)
    return text !== null && text.length > MAX_WEBHOOK_URL_CHARS
      ? problem('state_webhook_url', 'is too long', allowed)
      : text
  }
  const webhookEvents = (): readonly State[] | null => {
    const allowed = `it must be an array of one or more of ${QUOTED_STATES}`
    const value = set('webhook_events')
    if (value === null) return null
    if (value.kind !== 'array') return problem('webhook_events', isOfKind(bytes, value), allowed)
    if (value.end - value.start > MAX_TEXT_BYTES) return problem('webhook_events', 'is too long', allowed)
    const items: readonly unknown[] = JSON.parse(new TextDecoder().decode(bytes.subarray(value.start, value.end)))
    if (items.length === 0) return problem('webhook_events', 'is empty', allowed)
    const unknown = items.findIndex((item) => !(STATES as readonly unknown[]).includes(item))
    if (unknown >= 0) return problem('webhook_events', `holds ${itemShown(items[unknown])}`, allowed)
    return STATES.filter((state) => items.includes(state))
  }
  const deadline = (key: 'start_before' | 'finish_before'): number | null => {
    const allowed = `it must be ${DEADLINE.allowed}, as a text such as "90s", "30m" or "8h"`
    const text = textOf(key, allowed)
    if (text === null) return null
    const parsed = DEADLINE.parse(text)
    return parsed.kind === 'value'
      ? parsed.value
      : problem(key, `is ${quoteForError(text)}, which ${parsed.why}`, allowed)
  }

  const path = endpoint()
  const options = {
    ...NO_OPTIONS,
    label: label(),
    webhookUrl: webhookUrl(),
    startBeforeMs: deadline('start_before'),
    finishBeforeMs: deadline('finish_before'),
  }
  const events = webhookEvents()
  if (set('webhook_events') !== null && set('state_webhook_url') === null)
    problem('webhook_events', 'needs state_webhook_url', 'say where the webhooks go, or leave it out')
  const webhookEventsOrAll = options.webhookUrl === null ? [] : (events ?? STATES)
  return { endpoint: path, options: { ...options, webhookEvents: webhookEventsOrAll }, problems }
}

/** Returns null if it is longer than any valid value. */
function stringAt(bytes: Uint8Array, { start, end }: Span): string | null {
  return end - start - 2 > MAX_TEXT_BYTES ? null : decodeJsonString(bytes, start + 1, end - 1)
}

/** At most this much of a number is repeated in the error. */
const MAX_QUOTED_CHARS = 40

function itemShown(item: unknown): string {
  if (typeof item === 'string') return quoteForError(item)
  return typeof item === 'object' && item !== null ? `an ${Array.isArray(item) ? 'array' : 'object'}` : String(item)
}

function isOfKind(bytes: Uint8Array, value: Span): string {
  if (value.kind === 'object' || value.kind === 'array') return `is an ${value.kind}`
  if (value.kind === 'string') return 'is a text'
  const { kind, start, end } = value
  return `is ${literalText(bytes, { kind, start, end: Math.min(end, start + MAX_QUOTED_CHARS) })}`
}
