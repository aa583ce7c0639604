// Table of foreman's own errors: code, status, message, hint. Everything that shows an error reads it, and docs/errors.md is
// rendered from it. Errors that Ollama would give are not here: they keep Ollama's own words.

export interface ErrorEntry {
  /** HTTP status on every surface; null if the error can only end a job, never answer a request. */
  readonly status: number | null
  /** What the caller reads. Each `{…}` is filled in where the error is raised. */
  readonly message: string
  /** What to do about it, in one or two sentences. */
  readonly hint: string
  /** Value of Retry-After in seconds, if it is constant. Otherwise it is computed where the error is raised. */
  readonly retryAfter?: number
}

export const ERRORS = {
  // The caller's request
  bad_request: { status: 400, message: '{detail}', hint: 'Fix what the message names.' },
  ambiguous_key: {
    status: 400,
    message: 'ambiguous key {key}: write {expected}, once',
    hint: 'Ollama ignores the case of keys and uses the last of two equal ones. A key that foreman reads may therefore appear once, in any case. Write the keys of foreman itself as documented.',
  },
  unauthorized: {
    status: 401,
    message: 'unauthorized: the token is missing or wrong',
    hint: 'Send FOREMAN_TOKEN as `Authorization: Bearer …`, as the Basic password, or as `x-api-key`.',
  },
  host_not_allowed: {
    status: 403,
    message: 'host {host} is not allowed; add it to FOREMAN_HOSTS',
    hint: 'A host name that anyone could point at this machine is refused (DNS rebinding). Add it to FOREMAN_HOSTS, or send the token.',
  },
  origin_not_allowed: {
    status: 403,
    message: 'origin {origin} is not allowed; add it to FOREMAN_ORIGINS',
    hint: 'Pages of other sites may not use this server. Add the origin to FOREMAN_ORIGINS.',
  },
  management_disabled: {
    status: 403,
    message:
      'managing models through foreman is switched off; set FOREMAN_ALLOW_MANAGEMENT=true, or ask the target itself',
    hint: 'pull, push, create, copy, delete and blobs are only forwarded with FOREMAN_ALLOW_MANAGEMENT=true.',
  },
  request_timeout: {
    status: 408,
    message: 'the request did not arrive in time',
    hint: 'Headers must be complete within 10 s and the body within 60 s without a pause in between.',
  },
  webhook_refused: {
    status: 400,
    message: 'state_webhook_url {detail}',
    hint: 'Webhooks go to http and https addresses that FOREMAN_WEBHOOK_ALLOW and _DENY allow, never to foreman or Ollama (docs/webhooks.md).',
  },
  model_not_found: {
    status: 404,
    message: "model '{model}' not found",
    hint: "Ollama does not have this model: pull it there. Only /jobs uses this code; elsewhere the error is Ollama's own.",
  },
  not_found: {
    status: 404,
    message: 'unknown path',
    hint: 'GET /openapi.json lists the paths. On paths outside /jobs the answer is the plain text of Ollama: 404 page not found.',
  },
  method_not_allowed: {
    status: 405,
    message: 'method {method} is not allowed here; allowed: {allow}',
    hint: "Use a method of the Allow header. On Ollama's own paths the answer is the plain text of Ollama: 405 method not allowed.",
  },
  job_not_found: {
    status: 404,
    message: 'no job {id}',
    hint: 'It never existed, was deleted, or finished longer ago than FOREMAN_JOB_TTL.',
  },
  artifact_not_found: {
    status: 404,
    message: 'job {id} has no artifact {name}',
    hint: 'GET /jobs/{id} lists the artifacts. A job has none until it is done.',
  },
  delivery_not_found: {
    status: 404,
    message: 'job {id} has no delivery {n}',
    hint: 'GET /jobs/{id} lists its deliveries.',
  },
  job_active: {
    status: 409,
    message: 'job {id} is {state}',
    hint: 'Only a finished job can be retried or deleted. Cancel it, or wait until it finishes.',
  },
  key_in_use: {
    status: 409,
    message: 'another caller is waiting with the same Idempotency-Key',
    hint: 'Wait for that call to end, or use a new key.',
  },
  body_gone: {
    status: 410,
    message: 'the body of job {id} is gone',
    hint: 'The body of a waiting call is deleted when the call ends, so foreman cannot send it again. The caller still has it.',
  },
  body_too_large: {
    status: 413,
    message: 'request body is larger than {limit} (FOREMAN_MAX_BODY)',
    hint: 'Send less, or raise FOREMAN_MAX_BODY.',
  },
  unsupported_encoding: {
    status: 415,
    message: 'unsupported {what}: send UTF-8, plain or with Content-Encoding: zstd',
    hint: 'Plain and zstd bodies are accepted. Ollama ignores every other Content-Encoding, and so does foreman if the body is plain JSON.',
  },
  range_not_satisfiable: {
    status: 416,
    message: 'the range is outside the artifact ({bytes} bytes)',
    hint: 'Ask for one range within the artifact.',
  },
  key_reused: {
    status: 422,
    message: 'Idempotency-Key was used with another request',
    hint: 'A key belongs to one endpoint and body as long as its job is kept. Use a new key for a new request.',
  },
  headers_too_large: { status: 431, message: 'request headers are too large', hint: 'At most 64 KiB of headers.' },
  cancelled: {
    status: 499,
    message: 'request canceled',
    hint: 'The job was cancelled on request, with POST /jobs/{id}/cancel.',
  },
  caller_gone: {
    status: 499,
    message: 'the caller hung up',
    hint: 'A call ends when its caller disconnects. Use POST /jobs for work that should go on.',
  },

  // This daemon
  internal: { status: 500, message: 'internal error: {detail}', hint: 'This is a bug. The log has the details.' },
  not_implemented: { status: 501, message: 'unsupported Transfer-Encoding', hint: 'Only chunked is supported.' },
  queue_full: {
    status: 503,
    // Ollama's own sentence, two spaces and all: clients look for it.
    message: 'server busy, please try again.  maximum pending requests exceeded',
    hint: 'Try again later (Retry-After), or raise FOREMAN_MAX_QUEUE or FOREMAN_MAX_QUEUE_BYTES.',
  },
  embed_queue_full: {
    status: 503,
    message: 'server busy, please try again.  maximum pending requests exceeded',
    hint: 'FOREMAN_EMBED_QUEUE embedding requests are waiting already. Send fewer at once, or raise it.',
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
    hint: 'As many connections are open as calls may wait. Reuse connections, or raise FOREMAN_MAX_QUEUE.',
    retryAfter: 1,
  },
  storage_full: {
    status: 503,
    message: 'foreman is out of disk space and takes no new work',
    hint: 'Free disk space (FOREMAN_MIN_FREE), then try again. Nothing was lost.',
    retryAfter: 30,
  },
  outcome_unknown: {
    status: 503,
    message: 'the disk failed: it is unknown whether foreman has taken this',
    hint: 'foreman stops; its next start shows what was written. Send the request again only with the same Idempotency-Key: without a key the work may be done twice.',
    retryAfter: 10,
  },
  shutting_down: {
    status: 503,
    message: 'foreman is shutting down',
    hint: 'Try again when foreman has restarted.',
    retryAfter: 5,
  },
  loop_detected: {
    status: 508,
    message: 'this request came from foreman itself: FOREMAN_OLLAMA_URL leads back to it',
    hint: 'Set FOREMAN_OLLAMA_URL to the address of Ollama. It now leads to foreman, through a relay, a proxy or an alias of the host.',
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
    hint: 'Ollama, or the network to it, went down during the request.',
  },
  attempts_exhausted: {
    status: 502,
    message: 'the target was lost {attempts} times while it worked on this',
    hint: 'Look at the log of Ollama: this request may be what kills it.',
  },
  incomplete_stream: {
    status: 502,
    message: "the target's answer ended before it was complete",
    hint: 'Ollama ends an answer without its last record if its runner dies, and before 0.33 also if a model repeats itself.',
  },
  stream_broken: {
    status: 502,
    message: 'the connection to the target was lost in the middle of the answer',
    hint: 'Part of the answer had already been sent to the caller, so foreman could not try again.',
  },
  target_error: {
    status: 502,
    message: '{detail}',
    hint: "This is Ollama's own message. Its status and the first 2 KiB of its text are kept.",
  },
  bad_answer: {
    status: 502,
    message: 'the target answered with something that is not Ollama: {detail}',
    hint: 'Check FOREMAN_OLLAMA_URL: another program answers at that address.',
  },
  answer_too_large: {
    status: 502,
    message: 'the answer is larger than {limit} (FOREMAN_MAX_ANSWER)',
    hint: 'Raise FOREMAN_MAX_ANSWER, or limit the answer with num_predict.',
  },
  stalled: {
    status: 504,
    message: 'no byte came from the model for {limit} (FOREMAN_STALL_LIMIT)',
    hint: 'Ollama answers other requests, but this run is stuck. A restart of Ollama usually helps.',
  },
  run_limit: {
    status: 504,
    message: 'the job ran longer than {limit} (FOREMAN_RUN_LIMIT)',
    hint: 'Raise FOREMAN_RUN_LIMIT, or ask for a shorter answer.',
  },
  start_before_passed: {
    status: null,
    message: 'the job had not started {limit} after it was submitted (start_before)',
    hint: 'The deadline was set by the job. Submit it again with a later deadline or without one.',
  },
  finish_before_passed: {
    status: null,
    message: 'the job had not finished {limit} after it was submitted (finish_before)',
    hint: 'The deadline was set by the job. Submit it again with a later deadline or without one.',
  },
  crashed: {
    status: null,
    message: 'foreman went down while this call was open',
    hint: 'A waiting call ends when foreman does, because its connection is lost.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

/** Returns the message of `code` with its `{…}` filled in. A name without a value stays visible. */
export function errorMessage(code: ErrorCode, values: Readonly<Record<string, string | number>> = {}): string {
  return ERRORS[code].message.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
