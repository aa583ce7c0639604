// Owns /api/show: asked of the target while it answers, and kept by the model's digest, so that it is answered while the
// target sleeps (VS Code, Roo and AnythingLLM ask it for each model before they do anything). Errors are not kept.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { normaliseModel } from '../../domain/affinity.ts'
import type { AnswerHeaders } from '../../domain/answer.ts'
import type { TargetStatus } from '../../domain/target-status.ts'
import { ByteChunks } from '../../text/byte-chunks.ts'
import { runAtOnce } from '../../text/slices.ts'
import type { HttpContext } from '../context.ts'
import type { RequestBodies } from '../request-body.ts'
import { JSON_TYPE, refuse } from '../respond.ts'
import type { Route } from '../routes.ts'
import { forward, type ResponseObserver } from './forward.ts'
import { forwardedHeaders } from './forwarded-headers.ts'

interface Kept {
  readonly headers: AnswerHeaders
  readonly body: Buffer
  /** Clock.monotonic(). */
  readonly at: number
}

const MAX_ENTRIES = 64
const MAX_KEPT_BYTES = 8 * 1024 * 1024
const MAX_QUESTION_BYTES = 64 * 1024
/** Raycast gives metadata 1.8 s in all: a target that has just gone to sleep must not cost more than this. */
const PATIENCE_MS = 1_000

/** The answers kept, least recently used first. */
export class ShownModels {
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  get(key: string): Kept | null {
    const kept = this.#kept.get(key)
    if (kept === undefined) return null
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept
  }

  keep(key: string, kept: Kept): void {
    this.#drop(key)
    if (kept.body.length > MAX_KEPT_BYTES) return
    this.#kept.set(key, kept)
    this.#bytes += kept.body.length
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_ENTRIES && this.#bytes <= MAX_KEPT_BYTES) break
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.body.length ?? 0
    this.#kept.delete(key)
  }
}

export async function show(
  context: HttpContext,
  bodies: RequestBodies,
  shown: ShownModels,
  route: Route,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const read = await bodies.read(req, res)
  if (read.kind === 'gone') return
  if (read.kind === 'refused') return refuse(context, res, route.surface, read.error)
  const { body } = read
  const request = { method: 'POST', path: route.path, headers: forwardedHeaders(req.headers), body }
  const key = showKey(body, context.prober.status)
  if (key === null) return forward({ context, res, surface: route.surface, request, onOver: read.release })

  const answerKept = (): boolean => {
    const kept = shown.get(key)
    return kept !== null && sendKept(context, res, kept)
  }
  const patience = shown.get(key) === null ? null : context.clock.after(PATIENCE_MS, answerKept)
  const onOver = (): void => {
    patience?.cancel()
    read.release()
  }
  const witness = keeping(context, shown, key, { onHead: () => patience?.cancel(), answerKept })
  forward({ context, res, surface: route.surface, request, onOver, witness })
}

/** What the answer depends on; null if that cannot be told, and then nothing is kept. */
export function showKey(body: Uint8Array, status: TargetStatus): string | null {
  // No question is longer; to parse a large body would hold the event loop.
  if (body.length > MAX_QUESTION_BYTES) return null
  const document = parse(body)
  if (document === null) return null
  const { model, name, system, verbose, options, ...rest } = document
  // A key that Ollama may read as one of these (it ignores case) makes the question another one.
  if (Object.keys(rest).some((other) => other !== 'template')) return null
  const asked = typeof model === 'string' && model !== '' ? model : name
  if (typeof asked !== 'string' || asked === '') return null
  const normal = normaliseModel(asked)
  const digest = status.inventory?.installed.get(normal)?.digest
  return digest === undefined ? null : JSON.stringify([digest, normal, system ?? '', verbose ?? false, options ?? null])
}

function parse(body: Uint8Array): Record<string, unknown> | null {
  try {
    const document: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document)
    return isObject ? { ...document } : null
  } catch {
    return null
  }
}

interface Hooks {
  readonly onHead: () => void
  readonly answerKept: () => boolean
}

/** Keeps a good answer on its way to the caller, and stands in for one that does not come. */
function keeping(
  context: HttpContext,
  shown: ShownModels,
  key: string,
  { onHead, answerKept }: Hooks,
): ResponseObserver {
  let headers: AnswerHeaders | null = null
  const chunks = new ByteChunks()
  let bytes = 0
  return {
    head(status, answer) {
      onHead()
      if (status === 200) headers = answer
    },
    data(chunk) {
      bytes += chunk.length
      if (bytes <= MAX_KEPT_BYTES) chunks.add(chunk)
      else chunks.clear()
    },
    end() {
      if (headers === null || bytes > MAX_KEPT_BYTES) return
      const type = headers.filter(([name]) => name.toLowerCase() === 'content-type')
      shown.keep(key, {
        headers: type,
        body: Buffer.from(runAtOnce(chunks.join()).buffer),
        at: context.clock.monotonic(),
      })
    },
    unanswered: answerKept,
  }
}

function sendKept(context: HttpContext, res: ServerResponse, { headers, body, at }: Kept): boolean {
  if (res.headersSent || res.destroyed) return false
  const age = Math.floor((context.clock.monotonic() - at) / 1000)
  const type = headers[0]?.[1] ?? JSON_TYPE
  res.writeHead(200, {
    'Content-Type': type,
    'Content-Length': body.length,
    Age: String(age),
    'X-Foreman-Target': 'unreachable',
  })
  res.end(body)
  return true
}
