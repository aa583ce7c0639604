// `/api/show`: passed on to the target, and the answer kept by the model's digest. While the target sleeps, the kept answer
// is sent: VS Code, Roo and AnythingLLM ask for each model before they do anything. Errors are not kept.

import type { ServerResponse } from 'node:http'
import { jsonObject } from '../../../protocol/json.ts'
import { normaliseModel } from '../../domain/affinity.ts'
import type { AnswerHeaders } from '../../domain/endpoint.ts'
import type { TargetStatus } from '../../domain/target-status.ts'
import { ByteChunks } from '../../text/byte-buffers.ts'
import { runAtOnce } from '../../text/slices.ts'
import type { Call } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { JSON_TYPE, send } from '../respond.ts'
import { forward, type ResponseObserver, requestOf } from './forward.ts'
import { type KeptAnswer, MAX_KEPT_BYTES } from './shown-models.ts'

const MAX_REQUEST_BYTES = 64 * 1024
/** How long the target may take if there is a kept answer. Raycast allows 1.8 s for all its metadata requests together. */
const TARGET_WAIT_MS = 1_000

export async function show(call: Call): Promise<void> {
  const { context, res } = call
  const { shownModels: shown } = call.shared
  const received = await call.body()
  if (received === null) return
  const { body, release } = received
  const request = requestOf(call, body)
  const key = showKey(body, context.prober.status)
  if (key === null) return forward(call, request, { onOver: release })
  const answerKept = (): boolean => {
    const kept = shown.get(key)
    return kept !== null && sendKept(context, res, kept)
  }
  const timer = shown.get(key) === null ? null : context.clock.after(TARGET_WAIT_MS, answerKept)
  const onOver = (): void => {
    timer?.cancel()
    release()
  }
  let headers: AnswerHeaders | null = null
  const chunks = new ByteChunks()
  let bytes = 0
  /** Keeps a good answer as it passes to the caller, and answers in place of a target that does not. */
  const observer: ResponseObserver = {
    head(status, answer) {
      timer?.cancel()
      if (status === 200) headers = answer.filter(([name]) => name.toLowerCase() === 'content-type')
    },
    data(chunk) {
      bytes += chunk.length
      if (bytes <= MAX_KEPT_BYTES) chunks.add(chunk)
      else chunks.clear()
    },
    end() {
      if (headers === null || bytes > MAX_KEPT_BYTES) return
      shown.keep(key, { headers, body: Buffer.from(runAtOnce(chunks.join()).buffer), at: context.clock.monotonic() })
    },
    unanswered: answerKept,
  }
  forward(call, request, { onOver, observer })
}

/** A key of all that the answer depends on. Returns null if the request does not tell; its answer is not kept. */
export function showKey(body: Uint8Array, status: TargetStatus): string | null {
  // No real request is longer, and parsing a large body would block the event loop.
  if (body.length > MAX_REQUEST_BYTES) return null
  const document = jsonObject(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  if (document === null) return null
  const { model, name, system, verbose, options, ...rest } = document
  // Ollama ignores the case of keys, so an unknown key may be one of these: the request is then a different one.
  if (Object.keys(rest).some((other) => other !== 'template')) return null
  const asked = typeof model === 'string' && model !== '' ? model : name
  if (typeof asked !== 'string' || asked === '') return null
  const normal = normaliseModel(asked)
  const digest = status.inventory?.installed.get(normal)?.digest
  return digest === undefined ? null : JSON.stringify([digest, normal, system ?? '', verbose ?? false, options ?? null])
}

/** Returns whether the caller gets the kept answer. */
function sendKept({ clock }: HttpContext, res: ServerResponse, { headers, body, at }: KeptAnswer): boolean {
  if (res.headersSent || res.destroyed) return false
  const age = Math.floor((clock.monotonic() - at) / 1000)
  send(res, 200, headers[0]?.[1] ?? JSON_TYPE, body, { Age: String(age), 'X-Foreman-Target': 'unreachable' })
  return true
}
