// Client of a running foreman, for Node 22+, Bun and browsers. When a call has settled, none of its sockets, timers or
// listeners is left.

import { isJsonObject } from '../protocol/json.ts'
import type {
  JobDocument,
  JobListDocument,
  JobState,
  JobSummary,
  PauseDocument,
  StatusDocument,
} from '../protocol/wire.ts'
import { CHAT, type ChatBody, type ChatOptions, type ChatRecord, chatStream } from './chat-stream.ts'
import {
  Connection,
  type ConnectionOptions,
  type DocumentCheck,
  foreign,
  jobPath,
  type RequestOptions,
} from './connection.ts'
import { type Iteration, iteration } from './iteration.ts'
import { bodyOf, checkModel, type JobBody, type JobOptions } from './job-body.ts'
import { type CancelDocument, type GetOptions, JobHandle } from './job-handle.ts'
import { type ReceiverOptions, WebhookReceiver } from './receiver.ts'
import { newKey, submitted } from './submission.ts'

export interface ClientOptions extends ConnectionOptions {
  /** Receives the webhooks of this client's jobs, to learn when they end. Node and Bun only. Default: none. */
  readonly receiver?: ReceiverOptions | undefined
}

export interface SubmitOptions extends JobOptions, RequestOptions {
  /** At most 255 visible ASCII characters. The same key and body return the same job while it is kept. Default: a random key. */
  readonly idempotencyKey?: string | undefined
}

export interface ListOptions extends RequestOptions {
  /** Only jobs in this state. */
  readonly state?: JobState | undefined
  /** Only jobs for this model. */
  readonly model?: string | undefined
  /** Only jobs with this label. */
  readonly label?: string | undefined
  /** Jobs per page, from 1 to 200. Default: 50. */
  readonly limit?: number | undefined
  /** The `next` of the previous page. Default: the first page. */
  readonly cursor?: string | undefined
}

export interface ArtifactOptions extends RequestOptions {
  /** Fetches only the bytes from `from` to `to`, both included. Without `to`, until the end. */
  readonly range?: { readonly from: number; readonly to?: number | undefined } | undefined
}

export interface FetchedArtifact {
  readonly contentType: string
  /** The ETag; null if foreman sent none. */
  readonly etag: string | null
  /** Size of the whole artifact in bytes, even if only a range was fetched. */
  readonly size: number
  /** The artifact, or the requested range. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Decodes `bytes` as UTF-8. */
  text(): string
}

/** Answer of `GET /healthz`. */
export interface Health {
  /** `ok` if foreman is alive. */
  readonly status: string
  /** Whether the target does not answer. foreman itself is healthy. */
  readonly degraded: boolean
}

export interface PauseOptions extends RequestOptions {
  /** Unloads every model once the running job has ended. The call waits for that, by default without a limit. Default: false. */
  readonly unload?: boolean | undefined
  /** Duration after which the pause ends by itself, such as `30m` or `2h`. Default: until `resume`. */
  readonly for?: string | undefined
}

/** Answer of `GET /api/tags` and `GET /api/ps`, as Ollama writes it. */
export interface Models {
  readonly models: readonly { readonly name: string; readonly [key: string]: unknown }[]
}

/** Request body of `/api/embed`. Other keys are passed to Ollama unchanged. */
export interface EmbedBody {
  /** The embedding model. Must not be empty. */
  readonly model: string
  /** One text or several. */
  readonly input: string | readonly string[]
  readonly [key: string]: unknown
}

/** Answer of `/api/embed`. */
export interface Embeddings {
  readonly model: string
  /** One vector for each text, in order. */
  readonly embeddings: readonly (readonly number[])[]
  readonly [key: string]: unknown
}

/** An embedding model may have to be loaded first, and an artifact may come over a slow connection. */
const LONG_CALL_MS = 300_000

const BACKUP_TYPE = 'application/vnd.sqlite3'

const hasModels: DocumentCheck = ({ models }) => Array.isArray(models)
const isPaused: DocumentCheck = ({ paused }) => typeof paused === 'boolean'

export class ForemanClient {
  /** The address of foreman, without a slash at the end. */
  readonly url: string
  readonly #connection: Connection
  readonly #receiver: WebhookReceiver | null

  /** Throws a TypeError if the URL has no scheme, or if the receiver has no valid secret or address. Sends no request. */
  constructor({ receiver, ...options }: ClientOptions = {}) {
    this.#connection = new Connection(options)
    this.url = this.#connection.url
    this.#receiver = receiver === undefined ? null : new WebhookReceiver(receiver)
  }

  /**
   * Submits a job. When this resolves, the job is on foreman's disk and will be completed, whatever happens to this program.
   * While foreman is unreachable or answers 503, the request is sent again with the same Idempotency-Key, within
   * `timeoutMs`. A string or bytes are sent unchanged as the request of the endpoint.
   *
   * Throws ApiError (400: invalid body; 404: unknown model; 422: the key was used with another body; 503: the queue is
   * full), AuthError, UnreachableError, or a TypeError if the options cannot be added to the body.
   */
  async submit(body: JobBody | string | Uint8Array, options: SubmitOptions = {}): Promise<JobHandle> {
    const { signal, timeoutMs, idempotencyKey = newKey(), ...jobOptions } = options
    // A job has one webhook URL: the caller's own takes the place of the receiver's.
    const receiver =
      jobOptions.webhookUrl === undefined && jobOptions.webhookEvents === undefined ? this.#receiver : null
    // If the port cannot be opened, the wait uses other means. The body must stay the same for its Idempotency-Key.
    const release = await receiver?.hold().catch(() => null)
    try {
      const webhookUrl = jobOptions.webhookUrl ?? (await receiver?.address().catch(() => null)) ?? undefined
      const wireBody = bodyOf(body, { ...jobOptions, webhookUrl })
      const parts = await submitted(this.#connection, wireBody, idempotencyKey, { signal, timeoutMs })
      return new JobHandle(this.#connection, parts.receipt.job_id, { ...parts, receiver })
    } finally {
      void release?.()
    }
  }

  /** Returns a handle for an existing job. Sends no request. */
  job(id: string): JobHandle {
    return new JobHandle(this.#connection, id)
  }

  /** Returns the job in its current state. Throws ApiError `job_not_found`. */
  async get(id: string, options?: GetOptions): Promise<JobDocument> {
    return this.job(id).get(options)
  }

  /** Returns one page of jobs, newest first, waiting calls included. */
  async list({ signal, timeoutMs, ...filter }: ListOptions = {}): Promise<JobListDocument> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value))
    const path = query.size === 0 ? '/jobs' : `/jobs?${query}`
    return this.#connection.document('GET', path, ({ jobs }) => Array.isArray(jobs), { signal, timeoutMs })
  }

  /** Iterates over all matching jobs, newest first, and fetches pages as needed. */
  jobs(filter: ListOptions = {}): Iteration<JobSummary> {
    const { url } = this
    const page = (signal: AbortSignal, cursor: string | undefined) => this.list({ ...filter, cursor, signal })
    return iteration(filter.signal, async function* ({ signal }) {
      for (let cursor = filter.cursor; ; ) {
        const { jobs, next } = await page(signal, cursor)
        yield* jobs
        if (next === null) return
        // Guard against a server that returns the same page for ever.
        if (next === cursor || jobs.length === 0) throw foreign(url)
        cursor = next
      }
    })
  }

  /** Cancels a waiting or running job. Does nothing if it has ended. Throws ApiError `job_not_found`. */
  async cancel(id: string, options?: RequestOptions): Promise<CancelDocument> {
    return this.job(id).cancel(options)
  }

  /**
   * Submits the body of a finished job again as a new job; the old job does not change. Throws ApiError `job_not_found`,
   * `job_active`, or `body_gone` for a waiting call. The request is not retried, because it has no Idempotency-Key.
   */
  async retry(id: string, options?: RequestOptions): Promise<JobHandle> {
    return this.job(id).retry(options)
  }

  /** Deletes a finished job with its artifacts and webhooks. Throws ApiError `job_not_found`, or `job_active` until it ends. */
  async delete(id: string, options?: RequestOptions): Promise<void> {
    return this.job(id).delete(options)
  }

  /**
   * Fetches an artifact of a finished job: `completion`, the assistant's text, or `response`, the target's unchanged
   * answer. Throws ApiError `job_not_found`, `artifact_not_found` or `range_not_satisfiable`. Default time limit: 5 minutes.
   */
  async artifact(id: string, name: string, options: ArtifactOptions = {}): Promise<FetchedArtifact> {
    const { range, signal, timeoutMs = LONG_CALL_MS } = options
    const path = jobPath(id, `/artifacts/${encodeURIComponent(name)}`)
    const headers = {
      accept: '*/*',
      ...(range === undefined ? {} : { range: `bytes=${range.from}-${range.to ?? ''}` }),
    }
    return this.#connection.read('GET', path, { headers, signal, timeoutMs }, async (response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      const whole = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
      return {
        contentType: response.headers.get('content-type') ?? 'application/octet-stream',
        etag: response.headers.get('etag'),
        size: whole === undefined ? bytes.length : Number(whole),
        bytes,
        text: () => new TextDecoder().decode(bytes),
      }
    })
  }

  /** Sends the webhook of state change `n` again. Throws ApiError `job_not_found` or `delivery_not_found`. */
  async redeliver(id: string, n: number, options?: RequestOptions): Promise<void> {
    return this.#connection.read('POST', jobPath(id, `/deliveries/${n}/redeliver`), options, () => undefined)
  }

  /**
   * Sends a chat as a waiting call: if this program disconnects, the job ends. With `stream: false` it resolves with the
   * whole answer. Otherwise it returns an iteration of Ollama's records, which sends the request at its first step and
   * throws if the answer is incomplete.
   */
  chat(body: ChatBody & { readonly stream: false }, options?: ChatOptions): Promise<ChatRecord>
  chat(body: ChatBody & { readonly stream?: true }, options?: ChatOptions): Iteration<ChatRecord>
  chat(body: ChatBody, options: ChatOptions = {}): Promise<ChatRecord> | Iteration<ChatRecord> {
    checkModel(body)
    if (body['stream'] !== false) return chatStream(this.#connection, body, options)
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options
    const isAnswer: DocumentCheck = ({ message, done }) => isJsonObject(message) || done === true
    return this.#connection.document('POST', CHAT, isAnswer, { body, signal, timeoutMs })
  }

  /** Computes embeddings, without the queue. Default time limit: 5 minutes, because the model may have to be loaded. */
  async embed(body: EmbedBody, { signal, timeoutMs = LONG_CALL_MS }: RequestOptions = {}): Promise<Embeddings> {
    checkModel(body)
    const isAnswer: DocumentCheck = ({ embeddings }) => Array.isArray(embeddings)
    return this.#connection.document('POST', '/api/embed', isAnswer, { body, signal, timeoutMs })
  }

  /** Returns the target's models, even while it is asleep. */
  async tags(options?: RequestOptions): Promise<Models> {
    return this.#connection.document('GET', '/api/tags', hasModels, options)
  }

  /** Returns the models in the target's memory, as of foreman's last probe. */
  async ps(options?: RequestOptions): Promise<Models> {
    return this.#connection.document('GET', '/api/ps', hasModels, options)
  }

  /** Returns the state of the target, the queue and the running job. */
  async status(options?: RequestOptions): Promise<StatusDocument> {
    const isStatus: DocumentCheck = ({ target, queue }) => isJsonObject(target) && isJsonObject(queue)
    return this.#connection.document('GET', '/status', isStatus, options)
  }

  /**
   * Stops sending jobs to the target until `resume`; the running job finishes. The pause survives a restart of foreman. A
   * second pause replaces the end of the first. With `unload` it resolves when the unload is done or has failed.
   */
  async pause({ unload, for: span, signal, timeoutMs }: PauseOptions = {}): Promise<PauseDocument> {
    const limitMs = timeoutMs ?? (unload === true ? Number.POSITIVE_INFINITY : this.#connection.timeoutMs)
    const deadline = this.#connection.deadline(signal, limitMs)
    const body = unload === undefined && span === undefined ? undefined : { unload, for: span }
    const request = { body, signal: deadline.signal, timeoutMs: Number.POSITIVE_INFINITY }
    try {
      let pause = await this.#connection.document<PauseDocument>('POST', '/pause', isPaused, request)
      // foreman holds such an answer for less than a minute.
      while (pause.unload?.state === 'pending' && pause.unload.reason === null && unload === true) {
        await deadline.sleep(1_000)
        pause = (await this.status({ signal: deadline.signal })).pause
      }
      return pause
    } finally {
      deadline.dispose()
    }
  }

  /** Ends a pause. Does nothing if foreman is not paused. */
  async resume(options?: RequestOptions): Promise<PauseDocument> {
    return this.#connection.document('POST', '/resume', isPaused, options)
  }

  /**
   * Iterates over the bytes of a consistent copy of foreman's database, an SQLite file. Jobs continue meanwhile. Throws if
   * the copy is incomplete. The time limit, by default none, is for the whole copy.
   */
  backup({ signal: outer, timeoutMs = Number.POSITIVE_INFINITY }: RequestOptions = {}): Iteration<Uint8Array> {
    const connection = this.#connection
    return iteration(outer, ({ signal }) => {
      const request = { signal, timeoutMs, headers: { accept: BACKUP_TYPE } }
      return connection.stream('POST', '/backup', request, (body, { response }) => {
        if (response.headers.get('content-type') !== BACKUP_TYPE) throw foreign(connection.url)
        return body
      })
    })
  }

  /** Returns whether foreman is alive. Needs no token. */
  async health(options?: RequestOptions): Promise<Health> {
    return this.#connection.document('GET', '/healthz', ({ degraded }) => typeof degraded === 'boolean', options)
  }
}
