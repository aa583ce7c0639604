// Owns the documents that daemon and client both know, as they are on the wire (snake_case, ISO times, milliseconds).
// Interfaces only; whoever writes or reads one maps it in one place.

/** `GET /status`. */
export interface StatusDocument {
  version: string
  /** `starting`, `ready` or `stopping`. */
  phase: string
  paused: boolean
  degraded: boolean
  target: {
    url: string
    /** Null before the first probe has ended. */
    reachable: boolean | null
    /** Why not, in words. */
    reason: string | null
    /** Ollama's version; null before the first successful probe. */
    version: string | null
    /** ISO time of the last successful probe. */
    probed_at: string | null
    resident: ResidentDocument[]
    /** True once the target has been seen unable to hold embedder and worker at once. */
    slots_too_few: boolean
  }
  /** The job at the target now. */
  running: RunningDocument | null
  queue: {
    waiting: number
    bytes: number
    by_model: { model: string; waiting: number; oldest_wait_ms: number }[]
    oldest_wait_ms: number | null
  }
  counters: {
    /** Blocked callers on the line now. */
    callers: number
    jobs: Record<string, number>
    /** Model swaps made, and those that first-in-first-out would have made besides. */
    swaps: number
    swaps_saved: number
  }
}

export interface ResidentDocument {
  model: string
  size_vram: number
  context_length: number | null
  expires_at: string
}

export interface RunningDocument {
  job_id: string
  model: string
  endpoint: string
  state: string
  attempt: number
  caller: string
  /** Since it was claimed. */
  running_ms: number
  /** Since the last byte. */
  silent_ms: number
  bytes: number
}

/** Errors of foreman's own surface. */
export interface ErrorDocument {
  error: string
  code: string
}
