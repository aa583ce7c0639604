// Owns THE table of errors that foreman itself makes: code, status, sentence, cure. Everything that shows an error
// reads it; docs/errors.md is rendered from it. Errors that Ollama would give are not here: those keep Ollama's own words.

export interface ErrorEntry {
  /** HTTP status on every surface; null where it can only end a job, never answer a request by itself. */
  readonly status: number | null
  /** What a caller reads. `{…}` are filled in by whoever raises it. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string
  /** Seconds a client should wait, where that is always the same; elsewhere it is computed. */
  readonly retryAfter?: number
}

export const ERRORS = {
  // The caller's request
  bad_request: { status: 400, message: '{detail}', hint: 'Mend the request as the sentence says.' },
  ambiguous_key: {
    status: 400,
    message: 'ambiguous key {key}: write {expected}, once',
    hint: 'Ollama reads keys without regard to case and takes the last of two, so a key that foreman reads may stand once, in any case. The keys of foreman itself are written as documented.',
  },
  unauthorized: {
    status: 401,
    message: 'unauthorized: this foreman needs its token',
    hint: 'Send FOREMAN_TOKEN as `Authorization: Bearer …`, as the Basic password, or as `x-api-key`.',
  },
  host_not_allowed: {
    status: 403,
    message: 'host {host} is not allowed; add it to FOREMAN_HOSTS',
    hint: 'A name that anybody could point at this machine is refused (DNS rebinding). Add it to FOREMAN_HOSTS, or send the token.',
  },
  origin_not_allowed: {
    status: 403,
    message: 'origin {origin} is not allowed; add it to FOREMAN_ORIGINS',
    hint: 'Pages of other sites may not drive this server. Add the origin to FOREMAN_ORIGINS.',
  },
  management_disabled: {
    status: 403,
    message:
      'managing models through foreman is switched off; set FOREMAN_ALLOW_MANAGEMENT=true, or ask the target itself',
    hint: 'pull, push, create, copy, delete and blobs are only let through with FOREMAN_ALLOW_MANAGEMENT=true.',
  },
  request_timeout: {
    status: 408,
    message: 'the request did not arrive in time',
    hint: 'Headers must be complete within 10 s and the body within 60 s without a pause in between.',
  },
  webhook_refused: {
    status: 400,
    message: 'state_webhook_url {detail}',
    hint: 'Webhooks go to http and https addresses that FOREMAN_WEBHOOK_ALLOW and _DENY let through, never to foreman or its target (docs/webhooks.md).',
  },
  model_not_found: {
    status: 404,
    message: "model '{model}' not found",
    hint: "The target has no such model: pull it there. This code is given on /jobs; elsewhere the error is Ollama's own.",
  },
  job_not_found: {
    status: 404,
    message: 'no job {id}',
    hint: 'It never existed, was deleted, or finished longer ago than FOREMAN_JOB_TTL.',
  },
  artifact_not_found: {
    status: 404,
    message: 'job {id} has no artifact {name}',
    hint: 'GET /jobs/{id} lists what there is; a job that is not done yet has none.',
  },
  delivery_not_found: {
    status: 404,
    message: 'job {id} has no delivery {n}',
    hint: 'GET /jobs/{id} lists its deliveries.',
  },
  job_active: {
    status: 409,
    message: 'job {id} is {state}',
    hint: 'Only a finished job can be retried or deleted. Cancel it, or wait for its end.',
  },
  key_in_use: {
    status: 409,
    message: 'another caller is waiting with the same Idempotency-Key',
    hint: 'Wait for that call to end, or use a new key.',
  },
  body_gone: {
    status: 410,
    message: 'the body of job {id} is gone',
    hint: "A blocked call's body is dropped at its end, so it cannot be sent again: the caller has it.",
  },
  body_too_large: {
    status: 413,
    message: 'request body is larger than {limit} (FOREMAN_MAX_BODY)',
    hint: 'Send less, or raise FOREMAN_MAX_BODY.',
  },
  unsupported_encoding: {
    status: 415,
    message: 'unsupported {what}: send UTF-8, plain or with Content-Encoding: zstd',
    hint: 'Plain and zstd bodies are read. Ollama ignores every other Content-Encoding, and so does foreman if the body is plain JSON.',
  },
  range_not_satisfiable: {
    status: 416,
    message: 'the range lies outside of the {bytes} bytes',
    hint: 'Ask for one range within the artifact.',
  },
  key_reused: {
    status: 422,
    message: 'Idempotency-Key was used with another request',
    hint: 'A key stands for one endpoint and body as long as its job is kept. Use a new key for new work.',
  },
  headers_too_large: { status: 431, message: 'request headers are too large', hint: 'At most 64 KiB of headers.' },
  cancelled: { status: 499, message: 'request canceled', hint: 'Somebody cancelled the job.' },
  caller_gone: {
    status: 499,
    message: 'the caller hung up',
    hint: 'A blocked call ends with its caller. Use an async job for work that should outlive the line.',
  },

  // This daemon
  internal: { status: 500, message: 'internal error: {detail}', hint: 'A bug. The log has the details.' },
  not_implemented: { status: 501, message: 'unsupported Transfer-Encoding', hint: 'Only chunked is understood.' },
  queue_full: {
    status: 503,
    // Ollama's own sentence, two spaces and all: clients look for it.
    message: 'server busy, please try again.  maximum pending requests exceeded',
    hint: 'Wait as long as Retry-After says, or raise FOREMAN_MAX_QUEUE or FOREMAN_MAX_QUEUE_BYTES.',
  },
  embed_queue_full: {
    status: 503,
    message: 'server busy, please try again.  maximum pending requests exceeded',
    hint: 'FOREMAN_EMBED_QUEUE embedding requests are waiting for a place at the target. Send fewer at once, or raise it.',
    retryAfter: 1,
  },
  too_much_in_flight: {
    status: 503,
    message: 'server busy, please try again: too many request bodies are being read at once',
    hint: 'At most 256 MiB of request bodies are read at the same time.',
    retryAfter: 1,
  },
  too_many_connections: {
    status: 503,
    message: 'server busy, please try again: too many connections',
    hint: 'Every caller who may wait has a connection already. Reuse connections, or raise FOREMAN_MAX_QUEUE.',
    retryAfter: 1,
  },
  storage_full: {
    status: 503,
    message: 'foreman is out of disk space and takes no new work',
    hint: 'Free disk space (FOREMAN_MIN_FREE), then try again; nothing was lost.',
    retryAfter: 30,
  },
  outcome_unknown: {
    status: 503,
    message: 'the disk failed: it is unknown whether foreman has taken this',
    hint: 'foreman stops, and its next start shows what was written. Send the request again only with the Idempotency-Key that it had: without a key the work may be done twice.',
    retryAfter: 10,
  },
  shutting_down: {
    status: 503,
    message: 'foreman is shutting down',
    hint: 'Try again when it is back.',
    retryAfter: 5,
  },
  loop_detected: {
    status: 508,
    message: 'this request came from foreman itself: FOREMAN_OLLAMA_URL leads back to it',
    hint: 'Set FOREMAN_OLLAMA_URL to the address of Ollama. A relay, a proxy or an alias of a host leads it to foreman now.',
  },

  // The target
  target_unreachable: {
    status: 502,
    message: 'the target does not answer',
    hint: 'Is the machine awake, is Ollama running there, and does it listen on that address (OLLAMA_HOST)?',
  },
  connection_lost: {
    status: 502,
    message: 'the connection to the target was lost',
    hint: 'The target, or the way to it, went down while it worked.',
  },
  attempts_exhausted: {
    status: 502,
    message: 'the target was lost {attempts} times while it worked on this',
    hint: 'Look at the log of the target: it may be killed by this very request.',
  },
  incomplete_stream: {
    status: 502,
    message: "the target's answer ended before it was complete",
    hint: 'Ollama ends an answer without its last record when its runner dies, and before 0.33 when a model repeats itself.',
  },
  stream_broken: {
    status: 502,
    message: 'the connection to the target was lost in the middle of the answer',
    hint: 'Part of the answer had already been passed on, so it could not be tried again.',
  },
  target_error: {
    status: 502,
    message: '{detail}',
    hint: "The target's own error; its status and the first 2 KiB of its text are kept.",
  },
  bad_answer: {
    status: 502,
    message: 'the target answered with something that is not Ollama: {detail}',
    hint: 'Check FOREMAN_OLLAMA_URL: something else answers on that address.',
  },
  answer_too_large: {
    status: 502,
    message: 'the answer is larger than {limit} (FOREMAN_MAX_ANSWER)',
    hint: 'Raise FOREMAN_MAX_ANSWER, or bound the answer with num_predict.',
  },
  stalled: {
    status: 504,
    message: 'no byte came from the model for {limit} (FOREMAN_STALL_LIMIT)',
    hint: 'The target answers, but this run is stuck. Restarting Ollama usually cures it.',
  },
  run_limit: {
    status: 504,
    message: 'the job ran longer than {limit} (FOREMAN_RUN_LIMIT)',
    hint: 'Raise FOREMAN_RUN_LIMIT, or ask for less.',
  },
  start_before_passed: {
    status: null,
    message: 'it had not started {limit} after it was submitted (start_before)',
    hint: 'The job asked not to be started later than that. Submit it again, with more time or none.',
  },
  finish_before_passed: {
    status: null,
    message: 'it was not over {limit} after it was submitted (finish_before)',
    hint: 'The job asked to be ended then. Submit it again, with more time or none.',
  },
  crashed: {
    status: null,
    message: 'foreman went down while this call was open',
    hint: 'A blocked call cannot outlive the daemon that holds its line.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

/** The sentence of `code` with its `{…}` filled in. A name without a value stays visible: better odd than silent. */
export function errorMessage(code: ErrorCode, values: Readonly<Record<string, string | number>> = {}): string {
  return ERRORS[code].message.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
