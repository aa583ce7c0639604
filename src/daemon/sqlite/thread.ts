// Owns the main thread's side of the store: what is asked is posted in one message a tick, what is answered settles a promise.
// It never touches SQLite and never waits; the thread behind it is worker.ts.

import { Worker } from 'node:worker_threads'
import type { Depth } from '../domain/job.ts'
import type { SwapCount } from '../domain/load-counters.ts'
import { queuedJob } from './job-row.ts'
import type {
  Commit,
  FromStore,
  OperationName,
  OperationResult,
  Results,
  StoreOperation,
  StoreThreadData,
  Ticket,
  ToStore,
} from './operation.ts'
import { type BackupResult, type Store, StoreError, StoreOpenError, type StoreOptions } from './store.ts'

/** What only tests and benches set. */
export interface StoreProbes {
  /** Each commit, after it. */
  readonly onCommit?: (commit: Commit) => void
  /** `PRAGMA max_page_count`: a disk that is full. */
  readonly maxPages?: number
}

interface Pending {
  readonly settle: (result: OperationResult) => void
  readonly fail: (error: Error) => void
  /** What it adds to the queue, for an enqueue that is on its way. */
  readonly bytes: number | null
}

export function openStore(options: StoreOptions, probes: StoreProbes = {}): Promise<Store> {
  const data: StoreThreadData = {
    path: options.path,
    reportCommits: probes.onCommit !== undefined,
    maxPages: probes.maxPages ?? null,
  }
  // The daemon's own flags (a debugger's port, a memory limit) are not meant for this thread.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { name: 'store', workerData: data, execArgv: [] })
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => reject(error)
    const onExit = (code: number): void => reject(new Error(`the store's thread ended (${code}) before it was open`))
    worker.once('error', onError)
    worker.once('exit', onExit)
    worker.once('message', (first: FromStore) => {
      worker.off('error', onError)
      worker.off('exit', onExit)
      if (first.kind === 'opened') resolve(storeOn(worker, first.depth, options, probes))
      else if (first.kind === 'refused') reject(new StoreOpenError(first.reason, first.message))
      else reject(new Error(`the store began with "${first.kind}"`))
    })
  })
}

function storeOn(worker: Worker, opened: Depth, options: StoreOptions, probes: StoreProbes): Store {
  const pending = new Map<number, Pending>()
  let outgoing: Ticket[] = []
  let lastNumber = 0
  let depth = opened
  let inFlight: Depth = { jobs: 0, bytes: 0 }
  let swaps: SwapCount = { swaps: 0, fifoSwaps: 0 }
  /** Why nothing can be asked any more. */
  let ended: string | null = null
  let closing: Promise<void> | null = null
  const closed = Promise.withResolvers<void>()
  let backup: PromiseWithResolvers<BackupResult> | null = null

  function ask<Name extends OperationName>(
    operation: StoreOperation & { readonly name: Name },
  ): Promise<Results[Name]> {
    const refusal = ended ?? (closing === null ? null : 'the store is closed')
    if (refusal !== null) return Promise.reject(new StoreError('none', refusal))
    return new Promise((resolve, reject) => {
      lastNumber += 1
      const bytes = waitingBytesOf(operation)
      count(bytes, 1)
      // Results says which result answers which operation; execution.ts keeps to it.
      pending.set(lastNumber, { settle: (result) => resolve(result as Results[Name]), fail: reject, bytes })
      outgoing.push({ number: lastNumber, operation })
      // After the microtasks, not among them: what one step asks for and what that wakes share a message, a transaction, a
      // reply (an enqueue and the claim of it: 0.4 ms less to the first chunk).
      if (outgoing.length === 1) process.nextTick(flush)
    })
  }

  function flush(): void {
    if (outgoing.length === 0) return
    const { tickets, transfer } = handOver(outgoing)
    outgoing = []
    worker.postMessage({ kind: 'tickets', tickets } satisfies ToStore, transfer)
  }

  function count(bytes: number | null, sign: 1 | -1): void {
    if (bytes !== null) inFlight = { jobs: inFlight.jobs + sign, bytes: inFlight.bytes + sign * bytes }
  }

  function takeOut(number: number): Pending | undefined {
    const one = pending.get(number)
    pending.delete(number)
    if (one !== undefined) count(one.bytes, -1)
    return one
  }

  function receive(message: FromStore): void {
    if (message.kind === 'answers') {
      depth = message.depth
      swaps = message.swaps
      for (const { number, outcome } of message.answers) {
        const one = takeOut(number)
        if (outcome.kind === 'result') one?.settle(outcome.result)
        else one?.fail(new Error(`the store could not do it: ${outcome.message}`))
      }
    } else if (message.kind === 'committed') probes.onCommit?.(message.commit)
    else if (message.kind === 'storage') options.onStorageFull?.(message.full)
    else if (message.kind === 'backedUp') {
      if (message.outcome.kind === 'error') backup?.reject(new Error(`no backup: ${message.outcome.message}`))
      else backup?.resolve(message.outcome)
      backup = null
    } else if (message.kind === 'fatal') end(`the store is broken: ${message.message}`)
  }

  function end(why: string): void {
    if (ended !== null) return
    ended = why
    const error = new StoreError('unknown', why)
    for (const number of [...pending.keys()]) takeOut(number)?.fail(error)
    backup?.reject(error)
    options.onFatal(error)
  }

  worker.on('message', receive)
  worker.on('error', (error) => end(error instanceof Error ? error.message : String(error)))
  worker.on('exit', () => {
    if (closing === null) end("the store's thread has ended by itself")
    for (const number of [...pending.keys()]) takeOut(number)?.fail(new StoreError('none', 'the store is closed'))
    backup?.reject(new StoreError('none', 'the store is closed'))
    closed.resolve()
  })

  return {
    get depth() {
      return { jobs: depth.jobs + inFlight.jobs, bytes: depth.bytes + inFlight.bytes }
    },
    get swaps() {
      return swaps
    },
    async enqueue(job, { maxQueue, maxQueueBytes }, residency) {
      // A large body is moved to the thread, and has no length from then on. The limits may be a whole configuration.
      const bytes = job.body.byteLength
      const limits = { maxQueue, maxQueueBytes }
      const enqueued = await ask({ name: 'enqueue', job, limits, residency: residency ?? null })
      if (enqueued.kind !== 'enqueued') return enqueued
      return { kind: 'enqueued', job: queuedJob(job, enqueued.sequence, bytes), queuePosition: enqueued.queuePosition }
    },
    claim: (request) => ask({ name: 'claim', request }),
    apply: (change) => ask({ name: 'apply', change }),
    orphan: (id, now) => ask({ name: 'orphan', id, now }),
    adopt: (id) => ask({ name: 'adopt', id }),
    get: (id) => ask({ name: 'get', id }),
    detail: (id, residency) => ask({ name: 'detail', id, residency }),
    list: (filter, residency) => ask({ name: 'list', filter, residency }),
    changes: (id) => ask({ name: 'changes', id }),
    artifact: (id, artifact, from, to) => ask({ name: 'artifact', id, artifact, from, to }),
    retry: (retry, { maxQueue, maxQueueBytes }) => ask({ name: 'retry', retry, limits: { maxQueue, maxQueueBytes } }),
    delete: (id) => ask({ name: 'forget', id }),
    dueDeliveries: (request) => ask({ name: 'dueDeliveries', request }),
    settleDelivery: (settlement) => ask({ name: 'settleDelivery', settlement }),
    recallDeliveries: (recall) => ask({ name: 'recallDeliveries', recall }),
    redeliver: (id, n, now) => ask({ name: 'redeliver', id, n, now }),
    pendingDeliveries: () => ask({ name: 'pendingDeliveries' }),
    overdue: (now, limit) => ask({ name: 'overdue', now, limit }),
    backlog: () => ask({ name: 'backlog' }),
    countByState: () => ask({ name: 'countByState' }),
    queueState: () => ask({ name: 'queueState' }),
    pastRuns: (limit) => ask({ name: 'pastRuns', limit }),
    queueView: (residency) => ask({ name: 'queueView', residency }),
    setPause: async (pause) => void (await ask({ name: 'setPause', pause })),
    recover: (now, maxAttempts) => ask({ name: 'recover', now, maxAttempts }),
    interruptAll: async (now) => void (await ask({ name: 'interruptAll', now })),
    prune: (before, limit) => ask({ name: 'prune', before, limit }),
    backup() {
      const refusal = ended ?? (closing === null ? null : 'the store is closed')
      if (refusal !== null) return Promise.reject(new StoreError('none', refusal))
      backup = Promise.withResolvers<BackupResult>()
      worker.postMessage({ kind: 'backup' } satisfies ToStore)
      return backup.promise
    },
    checkFiles() {
      if (ended === null && closing === null) worker.postMessage({ kind: 'watch' } satisfies ToStore)
    },
    close() {
      if (closing === null) {
        closing = closed.promise
        flush()
        worker.postMessage({ kind: 'close' } satisfies ToStore)
      }
      return closing
    },
  }
}

/** What an operation on its way adds to the queue. */
const waitingBytesOf = (operation: StoreOperation): number | null =>
  operation.name === 'enqueue' ? operation.job.body.byteLength : null

/** Bodies up to this travel in one buffer: a buffer of its own costs more than a copy of such a body. */
const SMALL_BYTES = 4096

/**
 * The tickets with their bodies in buffers that can be moved and are not copied: the small ones of a tick in one, a large one
 * as it is. A large view into a larger buffer is cut out first: the clone would take the whole buffer with it.
 */
function handOver(tickets: readonly Ticket[]): { tickets: Ticket[]; transfer: ArrayBuffer[] } {
  const transfer = new Set<ArrayBuffer>()
  const pack = new Uint8Array(tickets.reduce((sum, ticket) => sum + smallBytesOf(ticket), 0))
  let used = 0
  function own(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const isWhole = body.byteLength === body.buffer.byteLength
    const whole = isWhole ? body : new Uint8Array(body)
    transfer.add(whole.buffer)
    return whole
  }
  function inPack(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    pack.set(body, used)
    used += body.byteLength
    transfer.add(pack.buffer)
    return pack.subarray(used - body.byteLength, used)
  }
  function packed({ number, operation }: Ticket): Ticket {
    if (operation.name === 'enqueue') {
      const { job } = operation
      const body = isSmall(job.body) ? inPack(job.body) : own(job.body)
      return { number, operation: { ...operation, job: { ...job, body } } }
    }
    if (operation.name === 'apply' && operation.change.output !== undefined) {
      const { change } = operation
      const { artifacts, result, responseIsResult } = operation.change.output
      const remains = {
        artifacts: artifacts.map((artifact) => ({ ...artifact, body: own(artifact.body) })),
        result: result === null ? null : own(result),
        responseIsResult,
      }
      return { number, operation: { ...operation, change: { ...change, output: remains } } }
    }
    return { number, operation }
  }
  return { tickets: tickets.map(packed), transfer: [...transfer] }
}

const isSmall = (body: Uint8Array): boolean => body.byteLength <= SMALL_BYTES

const smallBytesOf = ({ operation }: Ticket): number =>
  operation.name === 'enqueue' && isSmall(operation.job.body) ? operation.job.body.byteLength : 0
