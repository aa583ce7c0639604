// Set-up of the store tests: a real database file in its own folder, deleted after the test, and jobs to put into it.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'
import { CLOUD_AFFINITY, NOTHING_RESIDENT, type Residency } from '../../src/daemon/domain/affinity.ts'
import type { JobOutput } from '../../src/daemon/domain/artifact.ts'
import {
  type AsyncOptions,
  type Job,
  type NewJob,
  NO_OPTIONS,
  type QueueLimits,
  STATES,
} from '../../src/daemon/domain/job.ts'
import type { ClaimRequest, JobChange, JobFilter, Store, StoreOptions } from '../../src/daemon/sqlite/store.ts'
import { openStore, type StoreProbes } from '../../src/daemon/sqlite/thread.ts'

export const NO_LIMITS: QueueLimits = { maxQueue: 1_000_000, maxQueueBytes: Number.MAX_SAFE_INTEGER }

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-store-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface TemporaryStoreOptions extends StoreProbes {
  readonly path?: string
  readonly onFatal?: (error: Error) => void
  readonly onStorageFull?: NonNullable<StoreOptions['onStorageFull']>
}

/** A store whose failure fails the test, unless the test passes `onFatal`. */
export async function temporaryStore(options: TemporaryStoreOptions = {}): Promise<Store> {
  const path = options.path ?? join(await temporaryFolder(), 'foreman.db')
  const { onStorageFull, onCommit, maxPages } = options
  const store = await openStore(
    {
      path,
      onFatal:
        options.onFatal ??
        ((error) => {
          throw error
        }),
      ...(onStorageFull === undefined ? {} : { onStorageFull }),
    },
    { ...(onCommit === undefined ? {} : { onCommit }), ...(maxPages === undefined ? {} : { maxPages }) },
  )
  onTestFinished(() => store.close())
  return store
}

/** One store for all tests of a file, because each store starts a thread. Call `store()` inside tests only. */
export function sharedStore(): { readonly store: () => Promise<Store> } {
  let shared: Promise<{ store: Store; folder: string }> | null = null
  const open = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'foreman-store-'))
    const onFatal = (error: Error): void => {
      throw error
    }
    return { store: await openStore({ path: join(folder, 'foreman.db'), onFatal }), folder }
  }
  afterAll(async () => {
    if (shared === null) return
    const { store, folder } = await shared
    await store.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    async store() {
      shared ??= open()
      return (await shared).store
    },
  }
}

let lastNumber = 0

export function newJob(differences: Partial<NewJob> & { readonly bytes?: number } = {}): NewJob {
  const { bytes = 2, ...rest } = differences
  lastNumber += 1
  const affinity = rest.affinity ?? 'tiny-a:latest'
  return {
    id: `job-${lastNumber}`,
    caller: 'live',
    endpoint: '/api/chat',
    model: affinity === CLOUD_AFFINITY ? 'big:cloud' : (affinity.split(':', 1)[0] ?? affinity),
    affinity,
    stream: true,
    loadOnly: false,
    contentType: 'application/json',
    contentEncoding: null,
    body: new Uint8Array(bytes),
    createdAt: 1000,
    createdAwake: 0,
    ...rest,
  }
}

/** Options of an async job whose webhook receives every state. */
export const withWebhook = (differences: Partial<AsyncOptions> = {}): AsyncOptions => ({
  ...NO_OPTIONS,
  webhookUrl: 'http://hooks.lan/a',
  webhookEvents: STATES,
  ...differences,
})

/** Enqueues a job and returns its row. */
export async function put(store: Store, differences: Parameters<typeof newJob>[0] = {}): Promise<Job> {
  const result = await store.enqueue(newJob(differences), NO_LIMITS)
  if (result.kind !== 'enqueued') throw new Error(result.kind)
  return result.job
}

export const resident = (affinity: string | null, foreign: readonly string[] = []): Residency => ({ affinity, foreign })

export function claimRequest(differences: Partial<ClaimRequest> = {}): ClaimRequest {
  return { now: 2000, awake: 0, residency: NOTHING_RESIDENT, drainLimitMs: 0, ...differences }
}

/** Claims a job. Throws if there is none. */
export async function take(store: Store, differences: Partial<ClaimRequest> = {}) {
  const result = await store.claim(claimRequest(differences))
  if (result.kind !== 'claimed') throw new Error(result.kind)
  return result
}

/** A change with the error that its event needs. */
export function change(id: string, event: JobChange['event'], differences: Partial<JobChange> = {}): JobChange {
  return { id, event, now: 3000, error: { code: 'internal', message: 'because', status: null }, ...differences }
}

export async function changed(store: Store, ...args: Parameters<typeof change>): Promise<Job> {
  const result = await store.apply(change(...args))
  if (result.kind !== 'applied') throw new Error(result.kind)
  return result.job
}

/** Output of an async job: a completion, and a response of this size, which is its result. */
export const outputOf = (bytes: number): JobOutput => ({
  artifacts: [
    { name: 'completion', contentType: 'text/plain; charset=utf-8', body: new TextEncoder().encode('blue') },
    { name: 'response', contentType: 'application/x-ndjson', body: new Uint8Array(bytes).fill(7) },
  ],
  result: null,
  responseIsResult: true,
})

/** Returns the whole response of a job, or null if it has none. */
export const responseOf = (store: Store, id: string): Promise<Uint8Array<ArrayBuffer> | null> =>
  store.artifact(id, 'response', 0, Number.MAX_SAFE_INTEGER)

/** The newest jobs first. */
export async function newest(store: Store, limit: number, filter: Partial<JobFilter> = {}): Promise<readonly Job[]> {
  const everything = { state: null, model: null, label: null, before: null }
  const listed = await store.list({ ...everything, limit, ...filter }, NOTHING_RESIDENT)
  return listed.map(({ job }) => job)
}
