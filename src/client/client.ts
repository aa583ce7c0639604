// Owns what a program can ask of a running foreman. It runs on Node 22+, Bun and in browsers, and when a call has settled,
// nothing of it is open.

import type {
  JobDocument,
  JobListDocument,
  JobState,
  JobSummary,
  PauseDocument,
  StatusDocument,
} from '../protocol/wire.ts'
import { CallDeadline } from './call-deadline.ts'
import { CHAT, type ChatBody, type ChatOptions, type ChatRecord, chatStream, JSON_BODY } from './chat-stream.ts'
import { Connection, foreign, isObject, type JsonFieldsOf } from './connection.ts'
import { UnreachableError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'
import { bodyOf, checkModel, type JobBody, type JobOptions } from './job-body.ts'
import { JobHandle } from './job-handle.ts'
import { type ReceiverOptions, WebhookReceiver } from './receiver.ts'
import { submitted } from './submission.ts'

export interface ClientOptions {
  /** Where foreman is, a path prefix included. Default `http://127.0.0.1:8080`. */
  readonly url?: string | undefined
  /** What FOREMAN_TOKEN is set to there. */
  readonly token?: string | undefined
  /** Milliseconds for one whole call, where the call says nothing else. Default 10 000. */
  readonly timeoutMs?: number | undefined
  /** Hears of the ends of jobs by webhook. Node and Bun only. */
  readonly receiver?: ReceiverOptions | undefined
  /** Another fetch, such as one that goes through a proxy. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Keeps sockets for the next call, which saves connecting; then they stay open for a while. Default false. */
  readonly keepAlive?: boolean | undefined
  /** Milliseconds for which a wait lives through a foreman that does not answer. Default 120 000. */
  readonly unreachableMs?: number | undefined
}

export interface RequestOptions {
  /** Gives up the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for the whole call. */
  readonly timeoutMs?: number | undefined
}

export interface SubmitOptions extends JobOptions, RequestOptions {
  /** At most 255 visible ASCII characters: the same key and body is the same job as long as it is kept. Default: a new one. */
  readonly idempotencyKey?: string | undefined
}

export interface GetOptions extends RequestOptions {
  /** Holds the answer until the job is over, for at most this long (1 to 60). */
  readonly waitSeconds?: number | undefined
}

export interface ListOptions extends RequestOptions {
  readonly state?: JobState | undefined
  readonly model?: string | undefined
  readonly label?: string | undefined
  /** Jobs a page, 1 to 200. */
  readonly limit?: number | undefined
  /** `next` of the page before. */
  readonly cursor?: string | undefined
}

export interface ArtifactOptions extends RequestOptions {
  /** Bytes from `from` to `to`, both included; without `to` to the end. */
  readonly range?: { readonly from: number; readonly to?: number | undefined } | undefined
}

export interface FetchedArtifact {
  readonly contentType: string
  readonly etag: string | null
  /** Bytes of the whole artifact, where only a range was asked for. */
  readonly size: number
  readonly bytes: Uint8Array<ArrayBuffer>
  text(): string
}

/** `POST /jobs/{id}/cancel`. */
export interface CancelDocument {
  job_id: string
  /** A final one: it is over. Another one: it is being stopped, and will be in a moment. */
  state: JobState
}

/** `GET /healthz`. */
export interface Health {
  readonly status: string
  /** The target does not answer; foreman itself is well. */
  readonly degraded: boolean
}

export interface PauseOptions extends RequestOptions {
  /**
   * Unloads every model of the target once the running job has ended; the call waits for that, by default without a limit.
   */
  readonly unload?: boolean | undefined
  /** The pause ends by itself after this: `30m`, `2h`. Default: it lasts until `resume`. */
  readonly for?: string | undefined
}

/** `GET /api/tags` and `/api/ps`, as Ollama writes them. */
export interface Models {
  readonly models: readonly { readonly name: string; readonly [key: string]: unknown }[]
}

/** A request of `/api/embed`. */
export interface EmbedBody {
  readonly model: string
  readonly input: string | readonly string[]
  readonly [key: string]: unknown
}

export interface Embeddings {
  readonly model: string
  readonly embeddings: readonly (readonly number[])[]
  readonly [key: string]: unknown
}

const SECOND_MS = 1_000
/** An embedder may have to be loaded first, and an artifact may come over a slow line. */
const LONG_CALL_MS = 300_000

const BACKUP_TYPE = 'application/vnd.sqlite3'

const hasId = ({ job_id, state }: JsonFieldsOf): boolean => typeof job_id === 'string' && typeof state === 'string'
const hasModels = ({ models }: JsonFieldsOf): boolean => Array.isArray(models)
const isPaused = ({ paused }: JsonFieldsOf): boolean => typeof paused === 'boolean'
const pathOf = (id: string, rest = ''): string => `/jobs/${encodeURIComponent(id)}${rest}`

export class ForemanClient {
  readonly url: string
  readonly #connection: Connection
  readonly #receiver: WebhookReceiver | null
  readonly #unreachableMs: number

  /** Throws a TypeError for a URL without a scheme, and for a receiver without a usable secret or address. Connects to nobody. */
  constructor(options: ClientOptions = {}) {
    const { url = 'http://127.0.0.1:8080', token, timeoutMs = 10_000, receiver, fetch, keepAlive = false } = options
    this.#connection = new Connection({
      url,
      token,
      timeoutMs,
      fetch,
      keepAlive,
    })
    this.url = this.#connection.url
    this.#receiver = receiver === undefined ? null : new WebhookReceiver(receiver)
    this.#unreachableMs = options.unreachableMs ?? 120_000
  }

  /**
   * Hands in a job. When this resolves, it is on foreman's disk and will come to an end, whatever happens to this program.
   * Sent again by itself, with the same Idempotency-Key, while foreman cannot be reached or answers 503, within
   * `timeoutMs`. Text and bytes are the request of the endpoint, passed on as they are.
   *
   * Throws ApiError (400 what is wrong with the body, 404 no such model, 422 the key stands for another body, 503 the
   * queue is full), AuthError, UnreachableError, or a TypeError for a body that cannot take the options.
   */
  async submit(body: JobBody | string | Uint8Array, options: SubmitOptions = {}): Promise<JobHandle> {
    const { signal, timeoutMs = this.#connection.timeoutMs, idempotencyKey, ...wishes } = options
    // One URL a job: whoever names his own hears of it himself.
    const receiver = wishes.webhookUrl === undefined && wishes.webhookEvents === undefined ? this.#receiver : null
    // Without its port the end is learnt of in another way; the body stays the same, and with it what a key stands for.
    const hold = await receiver?.hold().catch(() => null)
    try {
      const webhookUrl = wishes.webhookUrl ?? (await receiver?.address().catch(() => null)) ?? undefined
      const { receipt, isReplayed } = await submitted(this.#connection, {
        body: bodyOf(body, { ...wishes, webhookUrl }),
        idempotencyKey,
        signal,
        timeoutMs,
      })
      return this.#handle(receipt.job_id, { receipt, isReplayed, receiver })
    } finally {
      void hold?.release()
    }
  }

  /** A handle for a job that was handed in before, or by somebody else. Asks nothing. */
  job(id: string): JobHandle {
    return this.#handle(id)
  }

  /** The job as it is now. Throws ApiError `job_not_found`. */
  async get(id: string, { waitSeconds, signal, timeoutMs }: GetOptions = {}): Promise<JobDocument> {
    const patient = (timeoutMs ?? this.#connection.timeoutMs) + (waitSeconds ?? 0) * SECOND_MS
    const headers = waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }
    return this.#document('GET', pathOf(id), hasId, { headers, signal, timeoutMs: patient })
  }

  /** One page of jobs, newest first, blocked calls included. */
  async list({ signal, timeoutMs, ...filter }: ListOptions = {}): Promise<JobListDocument> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value))
    const path = query.size === 0 ? '/jobs' : `/jobs?${query}`
    return this.#document('GET', path, ({ jobs }) => Array.isArray(jobs), { signal, timeoutMs })
  }

  /** All jobs that fit, newest first, page after page. */
  jobs(filter: ListOptions = {}): Iteration<JobSummary> {
    const { url } = this
    const page = (signal: AbortSignal, cursor: string | undefined) => this.list({ ...filter, cursor, signal })
    return iteration(filter.signal, async function* ({ signal }) {
      for (let cursor = filter.cursor; ; ) {
        const { jobs, next } = await page(signal, cursor)
        yield* jobs
        if (next === null) return
        // A server that gives the same page for ever must not keep anybody for ever.
        if (next === cursor || jobs.length === 0) throw foreign(url)
        cursor = next
      }
    })
  }

  /** Ends the job, wherever it is. Safe twice, and when it is over. Throws ApiError `job_not_found`. */
  async cancel(id: string, options?: RequestOptions): Promise<CancelDocument> {
    return this.#document('POST', pathOf(id, '/cancel'), hasId, options)
  }

  /**
   * A new job with the body of a finished one; the old one stays as it is. Throws ApiError `job_not_found`, `job_active`,
   * or `body_gone` for a blocked call. Not sent again by itself: there is no key that would make two of them one.
   */
  async retry(id: string, options?: RequestOptions): Promise<JobHandle> {
    const path = pathOf(id, '/retry')
    const { document: receipt } = await this.#connection.document<NonNullable<JobHandle['receipt']>>(
      'POST',
      path,
      hasId,
      options,
    )
    return this.#handle(receipt.job_id, { receipt })
  }

  /** Forgets a finished job with all it holds. Throws ApiError `job_not_found`, or `job_active` while it is not over. */
  async forget(id: string, options?: RequestOptions): Promise<void> {
    const { close } = await this.#connection.open('DELETE', pathOf(id), options)
    close()
  }

  /**
   * The bytes that a finished job has left: `completion`, the assistant's text, or `response`, the target's answer as it
   * came. Throws ApiError `job_not_found`, `artifact_not_found`, `range_not_satisfiable`. Default time limit 5 minutes.
   */
  async artifact(id: string, name: string, options: ArtifactOptions = {}): Promise<FetchedArtifact> {
    const { range, signal, timeoutMs = LONG_CALL_MS } = options
    const { bytes, response } = await this.#connection.bytes(pathOf(id, `/artifacts/${encodeURIComponent(name)}`), {
      headers: { accept: '*/*', ...(range === undefined ? {} : { range: `bytes=${range.from}-${range.to ?? ''}` }) },
      signal,
      timeoutMs,
    })
    const whole = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
    return {
      contentType: response.headers.get('content-type') ?? 'application/octet-stream',
      etag: response.headers.get('etag'),
      size: whole === undefined ? bytes.length : Number(whole),
      bytes,
      text: () => new TextDecoder().decode(bytes),
    }
  }

  /** Sends the webhook of state change `n` once more. Throws ApiError `job_not_found`, `delivery_not_found`. */
  async redeliver(id: string, n: number, options?: RequestOptions): Promise<void> {
    const { close } = await this.#connection.open('POST', pathOf(id, `/deliveries/${n}/redeliver`), options)
    close()
  }

  /**
   * A blocked chat: this program holds the line, and leaving ends the job. Unless `stream` is false, an iteration of the
   * target's records, which is begun by the first step and throws when the answer is not whole.
   */
  chat(body: ChatBody & { readonly stream: false }, options?: ChatOptions): Promise<ChatRecord>
  chat(body: ChatBody & { readonly stream?: true }, options?: ChatOptions): Iteration<ChatRecord>
  chat(body: ChatBody, options: ChatOptions = {}): Promise<ChatRecord> | Iteration<ChatRecord> {
    checkModel(body)
    if (body['stream'] !== false) return chatStream(this.#connection, body, options)
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options
    const isAnswer = ({ message, done }: JsonFieldsOf): boolean => isObject(message) || done === true
    return this.#send(CHAT, body, isAnswer, { signal, timeoutMs })
  }

  /** Embeddings, past the queue. Default time limit 5 minutes: the embedder may have to be loaded. */
  async embed(body: EmbedBody, { signal, timeoutMs = LONG_CALL_MS }: RequestOptions = {}): Promise<Embeddings> {
    checkModel(body)
    return this.#send('/api/embed', body, ({ embeddings }) => Array.isArray(embeddings), { signal, timeoutMs })
  }

  /** The models that the target has; answered while it sleeps, too. */
  async tags(options?: RequestOptions): Promise<Models> {
    return this.#document('GET', '/api/tags', hasModels, options)
  }

  /** The models that the target holds in memory, as foreman saw it last. */
  async ps(options?: RequestOptions): Promise<Models> {
    return this.#document('GET', '/api/ps', hasModels, options)
  }

  /** What the target, the queue and the running job are doing now. */
  async status(options?: RequestOptions): Promise<StatusDocument> {
    const isStatus = ({ target, queue }: JsonFieldsOf): boolean => isObject(target) && isObject(queue)
    return this.#document('GET', '/status', isStatus, options)
  }

  /**
   * Nothing new is sent to the target until `resume`; the running job ends. Survives a restart. A second pause replaces the
   * first one's end. With `unload` it resolves when it is known which models are gone; `unload` of the answer names them.
   */
  async pause({ unload, for: span, ...call }: PauseOptions = {}): Promise<PauseDocument> {
    if (unload === undefined && span === undefined) return this.#document('POST', '/pause', isPaused, call)
    const { signal, timeoutMs = unload === true ? Number.POSITIVE_INFINITY : this.#connection.timeoutMs } = call
    const late = (): Error => new UnreachableError(`no answer from ${this.url}: no answer within ${timeoutMs} ms`)
    const patience = new CallDeadline(signal, timeoutMs, late)
    try {
      const asking = { signal: patience.signal, timeoutMs: Number.POSITIVE_INFINITY }
      let pause = await this.#send<PauseDocument>('/pause', { unload, for: span }, isPaused, asking)
      // foreman holds such an answer for less than a minute.
      while (pause.unload?.state === 'pending' && pause.unload.reason === null) {
        await patience.sleep(SECOND_MS)
        pause = (await this.status({ signal: patience.signal })).pause
      }
      return pause
    } finally {
      patience.release()
    }
  }

  /** Ends a pause. Safe twice. */
  async resume(options?: RequestOptions): Promise<PauseDocument> {
    return this.#document('POST', '/resume', isPaused, options)
  }

  /**
   * A consistent copy of foreman's database, an SQLite file, as its bytes come. Jobs go on meanwhile. It throws when the copy
   * did not come whole. The time limit, by default none, is for the whole copy.
   */
  backup({ signal, timeoutMs = Number.POSITIVE_INFINITY }: RequestOptions = {}): Iteration<Uint8Array> {
    const connection = this.#connection
    return iteration(signal, async function* (patience) {
      const asking = { signal: patience.signal, timeoutMs, headers: { accept: BACKUP_TYPE } }
      const answer = await connection.open('POST', '/backup', asking)
      try {
        const { body, headers } = answer.response
        if (body === null || headers.get('content-type') !== BACKUP_TYPE) throw foreign(connection.url)
        yield* body
      } catch (error) {
        throw connection.failureOf(error, answer.patience)
      } finally {
        answer.close()
      }
    })
  }

  /** Whether foreman is alive; needs no token. */
  async health(options?: RequestOptions): Promise<Health> {
    return this.#document('GET', '/healthz', ({ degraded }) => typeof degraded === 'boolean', options)
  }

  #handle(
    id: string,
    more: Partial<Pick<JobHandle, 'receipt' | 'isReplayed'>> & { receiver?: WebhookReceiver | null } = {},
  ) {
    const parts = { client: this, connection: this.#connection, id, unreachableMs: this.#unreachableMs }
    return new JobHandle({ ...parts, receipt: null, isReplayed: false, receiver: null, ...more })
  }

  async #document<T>(
    method: string,
    path: string,
    isWanted: (it: JsonFieldsOf) => boolean,
    asking?: RequestOptions & { readonly headers?: Readonly<Record<string, string>> },
  ): Promise<T> {
    return (await this.#connection.document<T>(method, path, isWanted, asking)).document
  }

  async #send<T>(
    path: string,
    body: object,
    isWanted: (it: JsonFieldsOf) => boolean,
    call: RequestOptions,
  ): Promise<T> {
    const asking = { ...call, headers: JSON_BODY, body: JSON.stringify(body) }
    return (await this.#connection.document<T>('POST', path, isWanted, asking)).document
  }
}
