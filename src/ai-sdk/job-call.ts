// One job on behalf of one call of the AI SDK, from submit to end: the records of its answer, and the end of the job if the
// call is aborted. Once closed it has no open request, timer or listener.

import {
  AnswerVoidedError,
  ApiError,
  type ForemanClient,
  ForemanError,
  isFinal,
  type JobDocument,
  JobEndedError,
  type JobHandle,
  UnreachableError,
} from '../client/index.ts'
import { newKey } from '../client/submission.ts'
import { isJsonObject } from '../protocol/json.ts'
import { callErrorOf } from './call-error.ts'
import { type JobProgress, ProgressWatch } from './progress.ts'
import type { ChatRequest } from './request.ts'
import type { ForemanModelSettings } from './settings.ts'

export type CallStep =
  | { readonly kind: 'record'; readonly data: unknown }
  /** The job was put back in the queue: the records so far are void. */
  | { readonly kind: 'void' }
  /** The job is `done`. */
  | { readonly kind: 'done'; readonly job: JobDocument }

export interface Calling {
  readonly client: ForemanClient
  readonly body: ChatRequest
  readonly settings: ForemanModelSettings
  readonly keys: UnclaimedKeys
  readonly signal: AbortSignal | undefined
}

/** How long an abort waits for the cancel request, which continues after that. */
const MAX_ABANDON_MS = 1_000

export class JobCall {
  readonly calling: Calling
  readonly id: string
  readonly response: { readonly id: string; readonly timestamp: Date; readonly modelId: string }
  readonly #handle: JobHandle
  readonly #leaving = new AbortController()
  #watch: ProgressWatch | null = null

  private constructor(handle: JobHandle, calling: Calling) {
    this.calling = calling
    this.id = handle.id
    this.response = { id: handle.id, timestamp: new Date(), modelId: calling.body.model }
    this.#handle = handle
    calling.signal?.addEventListener('abort', this.#follow, { once: true })
    if (calling.signal?.aborted === true) this.#follow()
  }

  /** Submits. Rejects with ForemanCallError, or at once with the signal's reason; the job is then abandoned. */
  static async begin(calling: Calling): Promise<JobCall> {
    const { signal, settings } = calling
    signal?.throwIfAborted()
    const submitting = submit(calling)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const leave = (): void => {
      reject(signal?.reason)
      // Only the receipt has the id that a cancel needs.
      submitting.then((handle) => cancelled(handle, settings)).catch(() => undefined)
    }
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return new JobCall(await Promise.race([submitting, aborted]), calling)
    } catch (error) {
      throw errorOf(error, calling, null)
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  /** Reports the job's progress from now on, until the call is closed. */
  watch(onState: ((progress: JobProgress) => void) | undefined): void {
    this.#watch ??= new ProgressWatch(this.#handle, this.calling.body.model, onState)
  }

  /** Throws JobEndedError for a job that is not `done`, other ForemanErrors, or the signal's reason. */
  async *steps(): AsyncGenerator<CallStep, void, void> {
    const { signal } = this.#leaving
    let isWhole = false
    let isFresh = true
    try {
      for await (const event of this.#handle.events({ signal })) {
        if (event.type === 'record') {
          isFresh = false
          isWhole ||= isLast(event.data)
          yield { kind: 'record', data: event.data }
          continue
        }
        this.#watch?.changed(event)
        if (event.state === 'queued' && !isFresh) {
          isFresh = true
          isWhole = false
          yield { kind: 'void' }
        }
        if (isFinal(event.state)) break
      }
    } catch (error) {
      // If events are unavailable, because of a proxy for example, the answer must not be lost.
      signal.throwIfAborted()
      if (!(error instanceof ForemanError) || (error instanceof ApiError && error.status < 500)) throw error
    }
    const job = await this.#ended()
    if (!isWhole) {
      if (!isFresh) yield { kind: 'void' }
      for (const data of await this.#stored(job)) yield { kind: 'record', data }
    }
    yield { kind: 'done', job }
  }

  /** Ends the wait for a step with this reason. */
  leave(reason: unknown): void {
    this.#leaving.abort(reason)
  }

  /** Stops waiting for the answer. Resolves within a second, even if foreman does not answer. */
  async abandon(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, MAX_ABANDON_MS)
    await Promise.race([cancelled(this.#handle, this.calling.settings), late])
    clearTimeout(timer)
  }

  /** Returns the error for the SDK. A job whose answer is not needed is cancelled; it continues if foreman is unreachable. */
  async failure(error: unknown): Promise<unknown> {
    const { signal } = this.calling
    if (signal?.aborted === true || error instanceof AnswerVoidedError) await this.abandon()
    return signal?.aborted === true ? signal.reason : errorOf(error, this.calling, this.id)
  }

  close(): void {
    this.#watch?.stop()
    this.calling.signal?.removeEventListener('abort', this.#follow)
  }

  readonly #follow = (): void => this.leave(this.calling.signal?.reason)

  async #ended(): Promise<JobDocument> {
    try {
      const job = await this.#handle.result({ signal: this.#leaving.signal, via: 'polling' })
      this.#watch?.changed(job)
      return job
    } catch (error) {
      if (error instanceof JobEndedError) this.#watch?.changed(error.job)
      throw error
    }
  }

  /** Returns the records of the whole answer after its end: one in the document, or all if it is too long for that. */
  async #stored({ result, result_omitted }: JobDocument): Promise<readonly unknown[]> {
    if (result_omitted !== true) return [result]
    const response = await this.calling.client.artifact(this.id, 'response', { signal: this.#leaving.signal })
    return response
      .text()
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown)
  }
}

const isLast = (record: unknown): boolean => isJsonObject(record) && record['done'] === true

const errorOf = (error: unknown, { client, body }: Calling, jobId: string | null): unknown =>
  callErrorOf(error, { url: `${client.url}/jobs`, body, jobId })

async function submit({ client, body, settings, keys }: Calling): Promise<JobHandle> {
  const { label, startBefore, finishBefore, webhookUrl, webhookEvents } = settings
  const text = JSON.stringify(body)
  const idempotencyKey = keys.take(text) ?? newKey()
  try {
    return await client.submit(text, { label, startBefore, finishBefore, webhookUrl, webhookEvents, idempotencyKey })
  } catch (error) {
    if (error instanceof UnreachableError) keys.keep(text, idempotencyKey)
    throw error
  }
}

async function cancelled(handle: JobHandle, { whenAborted = 'cancel' }: ForemanModelSettings): Promise<void> {
  if (whenAborted === 'cancel') await handle.cancel().catch(() => undefined)
}

const MAX_KEY_AGE_MS = 120_000
const MAX_KEYS = 16

/**
 * Idempotency-Keys of submits with an unknown outcome: foreman may have the job, but its receipt was lost. The next call
 * with the same body uses the key, so that a retry of the SDK never makes a second job.
 */
export class UnclaimedKeys {
  readonly #keys = new Map<string, { readonly key: string; readonly at: number }>()

  /** Removes and returns the key: of two calls with the same body, each has a job of its own. */
  take(body: string): string | undefined {
    const found = this.#keys.get(body)
    this.#keys.delete(body)
    return found !== undefined && performance.now() - found.at < MAX_KEY_AGE_MS ? found.key : undefined
  }

  keep(body: string, key: string): void {
    this.#keys.set(body, { key, at: performance.now() })
    const [oldest] = this.#keys.keys()
    if (this.#keys.size > MAX_KEYS && oldest !== undefined) this.#keys.delete(oldest)
  }
}
