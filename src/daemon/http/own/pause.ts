// `POST /pause` and `POST /resume`: the request body, and the document that both answer with. The dispatcher does the work.

import type { ServerResponse } from 'node:http'
import { jsonObject } from '../../../protocol/json.ts'
import type { PauseDocument, UnloadDocument } from '../../../protocol/wire.ts'
import type { PauseRequest, UnloadReport } from '../../domain/pause.ts'
import { duration, MAX_DURATION_MS } from '../../text/grammar.ts'
import { nearest } from '../../text/nearest.ts'
import { quoteForError } from '../../text/quote.ts'
import type { Call } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { hasBody, ownError, sendJson } from '../respond.ts'

/** The longest wait for an unload. Many clients and proxies give up on a silent answer after five minutes, some after one. */
const HOLD_MS = 50_000
const MAX_BODY_BYTES = 16 * 1024
const KEYS = ['unload', 'for'] as const
export const PAUSE_DURATION = duration({ min: 1_000, max: MAX_DURATION_MS })
/** The longest part of a caller's value that is shown in an error. */
const MAX_SHOWN_CHARS = 40

export async function pauseQueue(call: Call): Promise<void> {
  const { context, req, res } = call
  const request = hasBody(req) ? await receivePauseRequest(call) : NO_REQUEST
  if (request === null) return
  if (typeof request === 'string') return call.refuse(ownError('bad_request', { detail: request }))
  await context.dispatcher.pausing.pause(request)
  if (request.unload) await unloadReported(context)
  sendPause(context, res)
}

async function receivePauseRequest(call: Call): Promise<PauseRequest | string | null> {
  const read = await call.body()
  if (read === null) return null
  read.release()
  return readPauseRequest(read.body)
}

/** Waits for the unload, but at most HOLD_MS: the running job may take hours. */
async function unloadReported({ dispatcher, clock }: HttpContext): Promise<void> {
  const { promise: overdue, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(HOLD_MS, resolve)
  await Promise.race([dispatcher.pausing.unloadReported(), overdue])
  timer.cancel()
}

export async function resumeQueue({ context, res }: Call): Promise<void> {
  await context.dispatcher.pausing.resume()
  sendPause(context, res)
}

function sendPause({ dispatcher }: HttpContext, res: ServerResponse): void {
  sendJson(res, 200, pauseDocument(dispatcher))
}

export function pauseDocument({ pausing: { current, report } }: HttpContext['dispatcher']): PauseDocument {
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())
  return {
    paused: current !== null,
    since: iso(current?.since ?? null),
    until: iso(current?.until ?? null),
    unload: report === null ? null : unloadDocument(report),
  }
}

const unloadDocument = ({ state, unloaded, resident, reason }: UnloadReport): UnloadDocument => {
  return { state, unloaded: [...unloaded], still_loaded: [...resident], reason }
}

const NO_REQUEST: PauseRequest = { forMs: null, unload: false }

/** Returns the request, or a sentence that says what is wrong with the body. An empty body asks for a plain pause. */
function readPauseRequest(body: Uint8Array): PauseRequest | string {
  if (body.length > MAX_BODY_BYTES) return 'the body of /pause is larger than 16 KiB'
  const text = new TextDecoder().decode(body)
  if (text.trim() === '') return NO_REQUEST
  const fields = jsonObject(text)
  if (fields === null) return 'the body of /pause must be a JSON object such as {"unload": true, "for": "2h"}, or empty'
  const unknown = Object.keys(fields).find((key) => !KEYS.some((known) => known === key))
  if (unknown !== undefined) {
    const meant = nearest(unknown, KEYS)
    return `unknown key ${shown(unknown)}${meant === null ? '' : ` (did you mean "${meant}"?)`}: allowed are unload and for`
  }
  const { unload = null, for: span = null } = fields
  if (unload !== null && typeof unload !== 'boolean') return `unload is ${shown(unload)}: it must be true or false`
  if (span === null) return { forMs: null, unload: unload ?? false }
  const allowed = `it must be ${PAUSE_DURATION.allowed}, as a text such as "30m" or "2h"`
  if (typeof span !== 'string') return `for is ${shown(span)}: ${allowed}`
  const parsed = PAUSE_DURATION.parse(span)
  if (parsed.kind === 'refused') return `for is ${shown(span)}, which ${parsed.why}: ${allowed}`
  return { forMs: parsed.value, unload: unload ?? false }
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? quoteForError(value) : JSON.stringify(value).slice(0, MAX_SHOWN_CHARS)
