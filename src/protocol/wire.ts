// Wire documents of daemon and client: snake_case, ISO times, durations in milliseconds. Interfaces only.

/** Answer of `GET /status`. */
export interface StatusDocument {
  /** Version of foreman. */
  version: string
  /** `starting`, `ready` or `stopping`. */
  phase: string
  paused: boolean
  /** The same document as `POST /pause` answers. */
  pause: PauseDocument
  /** Whether the last probe of the target failed. */
  degraded: boolean
  target: {
    url: string
    /** Null until the first probe has ended. */
    reachable: boolean | null
    /** Why the target is not reachable; null if it is. */
    reason: string | null
    /** Ollama's version; null until the first successful probe. */
    version: string | null
    /** ISO time of the last successful probe; null before the first. */
    probed_at: string | null
    /** Models in the target's memory, as of the last probe. */
    resident: ResidentDocument[]
    /** True once the target could not hold the embedder and a chat model at once. */
    slots_too_few: boolean
  }
  /** The job that the target is working on; null if there is none. */
  running: RunningDocument | null
  queue: {
    /** Number of waiting jobs. */
    waiting: number
    /** Sum of their request bodies. */
    bytes: number
    by_model: BacklogDocument[]
    /** Age of the oldest waiting job; null if none waits. */
    oldest_wait_ms: number | null
  }
  drain: DrainDocument
  counters: {
    /** Waiting calls that are connected now. */
    callers: number
    /** Number of jobs by state. */
    jobs: Record<string, number>
    /** Model swaps so far. */
    swaps: number
    /** Additional swaps that first-in-first-out order would have made. */
    swaps_saved: number
    /** Model loads since the start, for runs on native endpoints. `unforeseen` loads happened but were not predicted. */
    loads: { predicted: number; happened: number; unforeseen: number }
  }
}

/** Answer of `POST /pause` and `POST /resume`. */
export interface PauseDocument {
  paused: boolean
  /** ISO time at which the pause began; null if not paused. */
  since: string | null
  /** ISO time at which the pause ends by itself; null if it lasts until `resume`. */
  until: string | null
  /** Progress of the last pause's `"unload": true`; null if it was not requested. */
  unload: UnloadDocument | null
}

export interface UnloadDocument {
  /**
   * `pending`: the running job has not ended, or the target does not answer and is asked again. `done`: no model is loaded.
   * `incomplete`: some are still loaded. `given_up`: the pause ended first.
   */
  state: 'pending' | 'done' | 'incomplete' | 'given_up'
  /** Models that were unloaded. */
  unloaded: string[]
  /** Models that were loaded at the last check. */
  still_loaded: string[]
  /** Why the unload is not done; null if it is done, or waits for the running job. */
  reason: string | null
}

export interface BacklogDocument {
  model: string
  waiting: number
  oldest_wait_ms: number
  /** What its oldest job waits for; null if the caller of that job has just disconnected. */
  waiting_for: WaitingForDocument | null
}

/** The drain clock: how long the queue stays with one model while jobs for another model wait. */
export interface DrainDocument {
  /** Model and runner options of the last job sent; null while the target does not have them loaded. */
  affinity: string | null
  /** ISO time of the last model swap; null before the first. */
  swapped_at: string | null
  /** Milliseconds since then during which the target was available. */
  drained_ms: number
  /** FOREMAN_DRAIN_LIMIT; 0 means no limit. */
  limit_ms: number
  /** The model whose jobs are sent after the limit; null if no other model waits, or without a limit. */
  turns_to: string | null
  /** ISO time at which the limit is reached; null as above. */
  turns_at: string | null
}

export interface ResidentDocument {
  model: string
  /** Bytes in GPU and main memory; 0 if the target does not report it. */
  size: number
  /** Bytes in GPU memory; 0 on a machine without a GPU. */
  size_vram: number
  context_length: number | null
  /** ISO time at which the target unloads the model. */
  expires_at: string
}

export interface RunningDocument {
  job_id: string
  model: string
  endpoint: string
  state: string
  attempt: number
  /** `live` if a waiting call gets the answer, else `none`. */
  caller: string
  /** Milliseconds since the job was claimed. */
  running_ms: number
  /** Milliseconds since the last byte of the answer. */
  silent_ms: number
  /** Bytes of the answer so far. */
  bytes: number
}

/** The states of a job, in order. The last three are final. */
export type JobState = 'queued' | 'loading' | 'working' | 'done' | 'failed' | 'cancelled'

/** A job in a list. It never contains the prompt. */
export interface JobSummary {
  job_id: string
  state: JobState
  /** The model as the caller wrote it. */
  model: string
  endpoint: string
  /** The caller's label; null if there is none. */
  label: string | null
  /** How often the job was sent; failures that were not caused by the job are not counted. */
  attempt: number
  /** FOREMAN_MAX_ATTEMPTS. */
  max_attempts: number
  /** Number of jobs to be sent before it, the running one included; 0 is next. Null if the job is not waiting. */
  position: number | null
  /** Why it is not being sent; null if it is not waiting, or if its caller has just disconnected. */
  waiting_for: WaitingForDocument | null
  /** Estimated seconds until it is sent, from the duration of recent jobs. Absent if unknown. */
  eta_seconds?: number
  /** ISO time of the submit. */
  created_at: string
  /** ISO time at which it was first sent; null before. */
  started_at: string | null
  /** ISO time at which it reached a final state; null before. */
  finished_at: string | null
  timings: TimingsDocument
  /** Token counts; null until the target has reported them. */
  usage: UsageDocument | null
  /** Why the model stopped, in the target's words (`stop`, `length`); null if unknown. */
  done_reason: string | null
  /** Why it failed or was cancelled; null otherwise. */
  error: JobErrorDocument | null
  /** Id of the job that this one repeats; null if it is not a retry. */
  retry_of: string | null
}

/** The reason why a waiting job is not being sent. When it ends, the job is sent or has another reason. */
export interface WaitingForDocument {
  /**
   * `paused`; `storage_full`: not enough free disk space to start a job; `target_unreachable`; `backoff`: an attempt failed
   * and the job is tried again; `draining`: jobs for another model or other runner options are sent first; `running`:
   * another job is running or about to run.
   */
  reason: 'paused' | 'storage_full' | 'target_unreachable' | 'backoff' | 'draining' | 'running'
  /** ISO time at which the reason began. This may be before the job was submitted. */
  since: string
  /**
   * ISO time at which the reason ends. `paused`: the end of the pause. `backoff`: the next attempt. `draining`: the latest
   * time at which the queue turns to its oldest job; a job that is running then finishes first. Absent if unknown.
   */
  until?: string
  /** With `running`: the id of that job; absent for the moment between two jobs. */
  job_id?: string
  /** With `draining`: the model and its runner options. */
  affinity?: string
}

/** Answer of `GET /jobs/{id}`. */
export interface JobDocument extends JobSummary {
  /** The answer of the endpoint as if it had not been streamed. Absent until `done`, and if `result_omitted`. */
  result?: unknown
  /** Set if the result is larger than 256 KiB. Read the artifact `response` instead. */
  result_omitted?: true
  artifacts: ArtifactDocument[]
  /** The webhooks of its state changes, in order. */
  deliveries: DeliveryDocument[]
}

/** Durations in milliseconds; null while unknown. */
export interface TimingsDocument {
  /** From the submit until the job was first sent. */
  queue_ms: number | null
  /** Load time as the target reports it. Otherwise, if the model was not loaded, from the last send to the first byte. */
  load_ms: number | null
  /** From the last send to the end, loading included. */
  run_ms: number | null
  /**
   * How long the target generated tokens (`eval_duration`); null if it does not report that, as on `/v1` endpoints. The rate
   * is `usage.completion_tokens` divided by this time.
   */
  eval_ms: number | null
}

/** Token counts as the target reports them; null if it does not. */
export interface UsageDocument {
  /** Tokens of the whole prompt, including those from the target's prompt cache. */
  prompt_tokens: number | null
  completion_tokens: number | null
  /** The part of `prompt_tokens` that came from the cache; null before Ollama 0.34. */
  cached_prompt_tokens: number | null
}

export interface JobErrorDocument {
  /** One of the codes in docs/errors.md. */
  code: string
  message: string
  /** The target's HTTP status; null if it sent none. */
  status: number | null
}

export interface ArtifactDocument {
  /** `completion`: the assistant's text. `response`: the target's unchanged answer. */
  name: string
  content_type: string
  bytes: number
  /** The text of `completion`, if it has at most 256 KiB. */
  data?: string
  /** Where to fetch the artifact. Present if `data` is absent. */
  url?: string
}

export interface DeliveryDocument {
  /** Number of the state change: the `sequence` of its webhook. */
  n: number
  state: JobState
  status: 'pending' | 'delivered' | 'given_up'
  /** Number of tries so far. */
  tries: number
  /** Why the last try failed, or why the delivery was given up; null if none failed. Never the receiver's answer. */
  reason: 'unreachable' | 'timeout' | 'not_accepted' | 'refused_address' | 'gone' | null
  /** ISO time of the next try; null if there is none. */
  next_try_at: string | null
  /** ISO time of the delivery; null before. */
  delivered_at: string | null
}

/** 202 answer of `POST /jobs` and `POST /jobs/{id}/retry`. */
export interface ReceiptDocument {
  job_id: string
  state: JobState
  /** Number of jobs ahead; null if the job is not waiting. */
  position: number | null
  /** Absolute if FOREMAN_PUBLIC_URL is set, else paths. */
  urls: { self: string; events: string; cancel: string }
}

/** Answer of `GET /jobs`: one page. */
export interface JobListDocument {
  jobs: JobSummary[]
  /** Cursor of the next page; null on the last page. */
  next: string | null
}

/** Error of foreman's own endpoints. */
export interface ErrorDocument {
  /** The message. */
  error: string
  /** One of the codes in docs/errors.md. */
  code: string
}
