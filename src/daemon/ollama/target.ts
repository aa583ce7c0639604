// Owns the words between the daemon and the target: what can be asked of it and how an answer arrives. Bytes only;
// nothing here knows jobs, callers or SQLite. The code behind it (send.ts, probe.ts, warm.ts) alone talks to Ollama.

import type { AnswerHeaders } from '../domain/answer.ts'
import type { Snapshot } from '../domain/inventory.ts'
export interface TargetRequest {
  readonly method: string
  /** A constant of the route table, with the caller's query where a direct route keeps it. Never the caller's own path. */
  readonly path: string
  /** Only what is meant for the target. Host, authorization, user-agent and accept-encoding are set by the target module. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
}

/** An embedding is small and asks for nothing but itself: its body is in hand. */
export interface EmbedRequest extends TargetRequest {
  readonly body: Uint8Array
}

/** Takes an answer as it arrives. Calls come in this order: head, data…, then exactly one of end or lost. */
export interface AnswerSink {
  head(status: number, headers: AnswerHeaders, reason: string): void
  /** False: no more until `Exchange.resume()`; what is already in hand may still come. */
  data(chunk: Buffer): boolean
  /** The body ended as its framing says: not a verdict on its content. */
  end(): void
  lost(error: LostConnection): void
}

/** The way to the target failed, or it spoke no HTTP. */
export interface LostConnection {
  /** `unreached`: certainly not a byte of the request was read; `lost`: it may have been; `protocol`: not HTTP, or not ours. */
  readonly kind: 'unreached' | 'lost' | 'protocol' | 'aborted'
  readonly message: string
  /** The system's or undici's code, e.g. ECONNREFUSED, UND_ERR_SOCKET. */
  readonly code: string
}

/** One request on its way. */
export interface Exchange {
  /** Destroys its socket (Ollama has no other way to cancel). The sink gets `lost` with kind `aborted`, once, unless it is over. */
  abort(): void
  resume(): void
  /** Resolves when the answer has ended or its socket is gone, whichever way. Never rejects. */
  readonly settled: Promise<void>
}

export type ProbeResult =
  | { readonly kind: 'answered'; readonly snapshot: Snapshot }
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Something answers there, but it is no Ollama. */
  | { readonly kind: 'foreign'; readonly reason: string }

export type PingResult =
  /** `ps` is the body of /api/ps. */
  { readonly kind: 'answered'; readonly ps: Buffer } | { readonly kind: 'unreachable'; readonly reason: string }

export interface Target {
  /** `/api/ps` on the one connection that the next job will use. */
  ping(deadlineMs: number): Promise<PingResult>
  /** Sends a job on that same connection: never two at once (the caller sees to it; a second one throws). */
  sendJob(request: TargetRequest, sink: AnswerSink): Exchange
  /** A direct request, concurrent, on pooled connections of its own. */
  sendDirect(request: TargetRequest, sink: AnswerSink): Exchange
  /**
   * An embedding, concurrent, on connections of its own. As many at once as are asked for; one whose kept connection was
   * closed before a byte of its answer came is sent once more, on a new one.
   */
  sendEmbedding(request: EmbedRequest, sink: AnswerSink): Exchange
  /** /api/tags, /api/ps and /api/version on new connections, within `deadlineMs` together. Never throws. */
  probe(deadlineMs: number): Promise<ProbeResult>
  /** `/api/version` on a new connection: is it alive while a run is silent? Never throws. */
  alive(deadlineMs: number): Promise<boolean>
  /**
   * Loads the embedder and pins it (`keep_alive: -1`). Returns false if it did not work; the reason was logged, unless
   * `signal` gave it up. Never throws.
   */
  warm(model: string, signal?: AbortSignal): Promise<boolean>
  /** Unloads a model (`keep_alive: 0`) on the job connection. Returns null if the target took it, else why not. Never throws. */
  unload(model: string): Promise<string | null>
  /** The answer of /api/show, for a model of the inventory; empty if the target refuses it, null if it was not reached. Never throws. */
  show(model: string): Promise<string | null>
  /** When the target last answered anything, by Clock.monotonic(); null before. */
  readonly answeredAt: number | null
  /** Drops every idle connection: after a sleep they are dead without knowing it. Running exchanges are left alone. */
  renewConnections(): void
  close(): Promise<void>
}
