// Owns the documents that daemon and client both know, as they are on the wire (snake_case, ISO times, milliseconds).
// Interfaces only; whoever writes or reads one maps it in one place.

/** `GET /status`. */
export interface StatusDocument {
  version: string
  /** `starting`, `ready` or `stopping`. */
  phase: string
  paused: boolean
  /** As `POST /pause` answered. */
  pause: PauseDocument
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
    by_model: BacklogDocument[]
    oldest_wait_ms: number | null
  }
  drain: DrainDocument
  counters: {
    /** Blocked callers on the line now. */
    callers: number
    jobs: Record<string, number>
    /** Model swaps made, and those that first-in-first-out would have made besides. */
    swaps: number
    swaps_saved: number
    /** Since the start, of runs whose answer tells of its load (native endpoints). `unforeseen`: those that were not predicted. */
    loads: { predicted: number; happened: number; unforeseen: number }
  }
}

/** `POST /pause` and `POST /resume`. */
export interface PauseDocument {
  paused: boolean
  /** ISO time of the first pause; null when it is not paused. */
  since: string | null
  /** ISO time at which the pause ends by itself; null until `resume`. */
  until: string | null
  /** What became of `"unload": true` of the last pause; null where it was not asked for. */
  unload: UnloadDocument | null
}

export interface UnloadDocument {
  /**
   * `pending`: the running job has not ended, or the target does not answer and is asked again. `done`: the target lists no
   * model. `incomplete`: it still lists some. `given_up`: the pause ended first.
   */
  state: 'pending' | 'done' | 'incomplete' | 'given_up'
  /** Models that are gone. */
  unloaded: string[]
  /** Models that the target listed last. */
  still_loaded: string[]
  /** Why it is not done; null if it is, or if the running job is waited for. */
  reason: string | null
}

export interface BacklogDocument {
  model: string
  waiting: number
  oldest_wait_ms: number
  /** What its oldest job waits for; null if the caller of that has just hung up. */
  waiting_for: WaitingForDocument | null
}

/** The drain clock: how long the queue stays with one model while jobs for another wait. */
export interface DrainDocument {
  /** The model of the last job sent, with the runner options that were set; null while the target does not hold it. */
  affinity: string | null
  /** ISO time of the last swap of models; null before the first. */
  swapped_at: string | null
  /** Milliseconds since then in which the target could have worked. */
  drained_ms: number
  /** FOREMAN_DRAIN_LIMIT; 0 = none. */
  limit_ms: number
  /** What the queue turns to when the limit is over, and when, as an ISO time; null where nothing else waits, or no limit is set. */
  turns_to: string | null
  turns_at: string | null
}

export interface ResidentDocument {
  model: string
  /** Bytes in memory, of the GPU and of the machine; 0 if the target does not say. */
  size: number
  /** Bytes in the memory of the GPU: 0 on a machine without one. */
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

/** The states of a job, in the order of its life. The last three are final. */
export type JobState = 'queued' | 'loading' | 'working' | 'done' | 'failed' | 'cancelled'

/** What every job shows, in a list too. Never the prompt. */
export interface JobSummary {
  job_id: string
  state: JobState
  /** As the caller wrote it. */
  model: string
  endpoint: string
  label: string | null
  /** Times it was sent; what was not the job's fault is not counted. */
  attempt: number
  max_attempts: number
  /** Jobs to be sent before it, the running one included; 0 is next. Null when it does not wait. */
  position: number | null
  /** Why it is not being sent; null when it does not wait, or when its caller has just hung up. */
  waiting_for: WaitingForDocument | null
  /** Seconds until it is likely to be sent, from what jobs have taken lately. Absent when that is not known. */
  eta_seconds?: number
  /** ISO times. */
  created_at: string
  /** First sending. */
  started_at: string | null
  finished_at: string | null
  timings: TimingsDocument
  usage: UsageDocument | null
  done_reason: string | null
  error: JobErrorDocument | null
  /** The job that this one repeats. */
  retry_of: string | null
}

/** The one reason why a waiting job is not being sent. When it is gone, the job is sent or has another one. */
export interface WaitingForDocument {
  /**
   * `paused`; `storage_full`: there is no room on the disk to begin a job; `target_unreachable`; `backoff`: it was sent and
   * came back; `draining`: the jobs of another model, or of other runner options, are sent first; `running`: another job
   * runs, or is about to.
   */
  reason: 'paused' | 'storage_full' | 'target_unreachable' | 'backoff' | 'draining' | 'running'
  /** ISO time at which that began, which may be before the job came. */
  since: string
  /**
   * ISO time. `paused`: the end of the pause. `backoff`: the next try. `draining`: the queue turns to its oldest job then, at
   * the latest, as soon as the job that runs then has ended. Absent where there is no end or it is not known.
   */
  until?: string
  /** `running`: which job; absent for the moment between two jobs. */
  job_id?: string
  /** `draining`: the model, and the runner options that were set. */
  affinity?: string
}

/** `GET /jobs/{id}`. */
export interface JobDocument extends JobSummary {
  /** What the endpoint answers unstreamed. Absent until `done`, and where `result_omitted`. */
  result?: unknown
  /** The result is larger than 256 KiB: read the artifact `response`. */
  result_omitted?: true
  artifacts: ArtifactDocument[]
  /** The webhooks of its state changes, in their order. */
  deliveries: DeliveryDocument[]
}

/** Milliseconds; null while unknown. */
export interface TimingsDocument {
  /** From its creation to the first sending. */
  queue_ms: number | null
  /** What the target says; else from the last sending to the first byte, if its model was not resident. */
  load_ms: number | null
  /** From the last sending to the end, loading included. */
  run_ms: number | null
  /**
   * How long the target generated tokens, as it says (`eval_duration`); null if it does not tell, as behind `/v1`. Tokens a
   * second are `usage.completion_tokens` in this time.
   */
  eval_ms: number | null
}

/** As the target counts. */
export interface UsageDocument {
  /** The whole prompt, with what came from the target's prompt cache. */
  prompt_tokens: number | null
  completion_tokens: number | null
  /** The part of `prompt_tokens` that came from the cache; null if the target does not tell (Ollama before 0.34). */
  cached_prompt_tokens: number | null
}

export interface JobErrorDocument {
  /** docs/errors.md. */
  code: string
  message: string
  /** The target's HTTP status, where it gave one. */
  status: number | null
}

export interface ArtifactDocument {
  /** `completion`: the assistant's text; `response`: the target's answer as it came. */
  name: string
  content_type: string
  bytes: number
  /** The text of `completion`, when it has at most 256 KiB. */
  data?: string
  /** Where it is, when `data` is absent. */
  url?: string
}

export interface DeliveryDocument {
  /** Number of the state change, the `sequence` of its webhook. */
  n: number
  state: JobState
  status: 'pending' | 'delivered' | 'given_up'
  tries: number
  /** Why the last try failed, or why it was given up. What the receiver answered is not told. */
  reason: 'unreachable' | 'timeout' | 'not_accepted' | 'refused_address' | 'gone' | null
  /** ISO times. */
  next_try_at: string | null
  delivered_at: string | null
}

/** 202 of `POST /jobs` and of a retry. */
export interface ReceiptDocument {
  job_id: string
  state: JobState
  position: number | null
  /** Absolute with FOREMAN_PUBLIC_URL, else paths. */
  urls: { self: string; events: string; cancel: string }
}

/** `GET /jobs`. */
export interface JobListDocument {
  jobs: JobSummary[]
  /** Cursor of the next page; null on the last one. */
  next: string | null
}

/** Errors of foreman's own surface. */
export interface ErrorDocument {
  error: string
  code: string
}
