// One job on behalf of one call of the SDK, from submit to end: the records of its answer, and what happens to the job when the
// call is aborted. Once closed it has no open request, timer or listener.

import {
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
import { type JobProgress, ProgressWatch } from './progress.ts'
import type { ForemanModelSettings } from './settings.ts'
import type { UnclaimedKeys } from './unclaimed-keys.ts'

export type CallStep =
  | { readonly kind: 'record'; readonly data: unknown }
  /** The job is back in the queue: the records until now are void. */
  | { readonly kind: 'void' }
  /** It is `done`. */
  | { readonly kind: 'done'; readonly job: JobDocument }

export interface Calling {
  readonly client: ForemanClient
  readonly body: { readonly model: string }
  readonly settings: ForemanModelSettings
  readonly keys: UnclaimedKeys
  readonly signal: AbortSignal | undefined
}

/** An abort waits this long for the cancel to get through, which goes on without it. */
const PARTING_MS = 1_000

export class JobCall {
  readonly id: string
  readonly #handle: JobHandle
  readonly #client: ForemanClient
  readonly #settings: ForemanModelSettings
  readonly #outer: AbortSignal | undefined
  readonly #leaving = new AbortController()
  readonly #model: string
  #watch: ProgressWatch | null = null

  private constructor(handle: JobHandle, { client, body, settings, signal }: Calling) {
    this.id = handle.id
    this.#handle = handle
    this.#client = client
    this.#settings = settings
    this.#outer = signal
    this.#model = body.model
    signal?.addEventListener('abort', this.#follow, { once: true })
    if (signal?.aborted === true) this.#follow()
  }

  /** Submits. Rejects with a ForemanError, or at once with the signal's reason; a job that comes of it is abandoned then. */
  static async begin(calling: Calling): Promise<JobCall> {
    const { signal, settings } = calling
    signal?.throwIfAborted()
    const submitting = submit(calling)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const leave = (): void => {
      reject(signal?.reason)
      // Wait for the receipt all the same: a job can be cancelled only by its id.
      submitting.then((handle) => cancelled(handle, settings)).catch(() => undefined)
    }
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return new JobCall(await Promise.race([submitting, aborted]), calling)
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  /** Tells of the job's progress from now on, until it is closed. */
  watch(tell: ((progress: JobProgress) => void) | null): void {
    this.#watch ??= new ProgressWatch(this.#handle, this.#model, tell)
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

  /** Stops waiting for the answer. Resolves soon, whether foreman answers or not. */
  async abandon(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, PARTING_MS)
    await Promise.race([cancelled(this.#handle, this.#settings), late])
    clearTimeout(timer)
  }

  close(): void {
    this.#watch?.stop()
    this.#outer?.removeEventListener('abort', this.#follow)
  }

  readonly #follow = (): void => this.leave(this.#outer?.reason)

  /** Looks at once, and as long as it takes. */
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

  /** The whole answer, after its end: joined in the document, or, when it is too long for that, as it came. */
  async #stored({ result, result_omitted }: JobDocument): Promise<readonly unknown[]> {
    if (result_omitted !== true) return [result]
    const response = await this.#client.artifact(this.id, 'response', { signal: this.#leaving.signal })
    return response
      .text()
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown)
  }
}

const isLast = (record: unknown): boolean =>
  typeof record === 'object' && record !== null && 'done' in record && record.done === true

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
