// Interface between the daemon and the target (Ollama): what can be asked, and how an answer arrives. Bytes only; nothing here
// knows jobs, callers or SQLite.

import type { AnswerHeaders } from '../domain/endpoint.ts'
import type { Snapshot } from '../domain/target-status.ts'

export interface TargetRequest {
  readonly method: string
  /** A constant of the route table, with the caller's query where a direct route keeps it. Never the caller's own path. */
  readonly path: string
  /** Only what is meant for the target. Host, authorization, user-agent and accept-encoding are set by the target module. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
}

/** Receiver of an answer, as it arrives. Calls come in this order: head, data…, then exactly one of end or lost. */
export interface AnswerSink {
  head(status: number, headers: AnswerHeaders, reason: string): void
  /** Returns false to get no more until `Exchange.resume()`; bytes that were already read may still come. */
  data(chunk: Buffer): boolean
  /** The body ended as its framing says. Its content may still be incomplete. */
  end(): void
  lost(error: LostConnection): void
}

/** How an exchange failed on its way. */
export interface LostConnection {
  /** `unreached`: the target has certainly read nothing; `lost`: it may have; `protocol`: its reply is not HTTP, or the request is not. */
  readonly kind: 'unreached' | 'lost' | 'protocol' | 'aborted'
  readonly message: string
  /** The system's or undici's code, e.g. ECONNREFUSED, UND_ERR_SOCKET. */
  readonly code: string
}

/** A request that was sent. */
export interface Exchange {
  /** Destroys its socket (Ollama has no other way to cancel). The sink gets `lost` with kind `aborted`, once, unless it is over. */
  abort(): void
  resume(): void
  /** Resolves when the answer has ended or its socket is gone. Never rejects. */
  readonly settled: Promise<void>
}

export type ProbeResult =
  | { readonly kind: 'answered'; readonly snapshot: Snapshot }
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Something else than Ollama answers there. */
  | { readonly kind: 'foreign'; readonly reason: string }

export type PingResult =
  /** `ps` is the body of /api/ps. */
  { readonly kind: 'answered'; readonly ps: Buffer } | { readonly kind: 'unreachable'; readonly reason: string }

export interface Target {
  /** `/api/ps` on the one connection that the next job will use. */
  ping(deadlineMs: number): Promise<PingResult>
  /** Sends a job on that same connection. Throws if one is under way: the caller sends one at a time. */
  sendJob(request: TargetRequest, sink: AnswerSink): Exchange
  /** A direct request, concurrent, on pooled connections of its own. */
  sendDirect(request: TargetRequest, sink: AnswerSink): Exchange
  /**
   * An embedding, concurrent, on pooled connections of its own: as many at once as FOREMAN_EMBED_CONCURRENCY. If its kept
   * connection was closed before a byte of an answer came, it is sent once more, on a new one: an embedding changes nothing.
   */
  sendEmbedding(request: TargetRequest, sink: AnswerSink): Exchange
  /** /api/tags, /api/ps and /api/version on new connections, within `deadlineMs` together. Never throws. */
  probe(deadlineMs: number): Promise<ProbeResult>
  /** `/api/version` on a new connection: whether it is alive while a job's answer is silent. Never throws. */
  alive(deadlineMs: number): Promise<boolean>
  /**
   * Loads the embedder and pins it (`keep_alive: -1`). Returns false if that failed; the reason is logged, unless `signal`
   * aborted it. Never throws.
   */
  warm(model: string, signal?: AbortSignal): Promise<boolean>
  /** Unloads a model (`keep_alive: 0`) on the job connection. Returns null if the target took it, else why not. Never throws. */
  unload(model: string): Promise<string | null>
  /** The answer of /api/show, for a model of the inventory; empty if the target refuses it, null if it was not reached. Never throws. */
  show(model: string): Promise<string | null>
  /** When the target last answered anything, by Clock.monotonic(); null before. */
  readonly answeredAt: number | null
  /** Drops every idle connection: after a sleep of the machine they are dead, and nothing says so. Running exchanges go on. */
  renewConnections(): void
  close(): Promise<void>
}
