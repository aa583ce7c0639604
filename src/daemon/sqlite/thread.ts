// The main thread's side of the store: posts the operations of a tick in one message; an answer settles a promise. It never
// touches SQLite and never blocks. The thread behind it is worker.ts.

import { Worker } from 'node:worker_threads'
import type { Depth } from '../domain/job.ts'
import type { SwapCount } from '../domain/load-counters.ts'
import { queuedJob } from './job-row.ts'
import type { Commit, FromStore, StoreThreadData, Ticket, ToStore } from './messages.ts'
import {
  bodyBytesOf,
  type OperationArgs,
  type OperationName,
  type OperationResult,
  rowOf,
  STORE_OPERATIONS,
  type StoreOperation,
} from './operations.ts'
import {
  type BackupResult,
  type Store,
  StoreError,
  StoreOpenError,
  type StoreOperations,
  type StoreOptions,
} from './store.ts'

/** Options for tests and benchmarks. */
export interface StoreProbes {
  /** Called after each commit. */
  readonly onCommit?: (commit: Commit) => void
  /** `PRAGMA max_page_count`, to simulate a full disk. */
  readonly maxPages?: number
}

interface Pending {
  readonly settle: (result: unknown) => void
  readonly fail: (error: Error) => void
  /** What an enqueue adds to the queue, counted until it is answered; null for other operations. */
  readonly bytes: number | null
}

export function openStore(options: StoreOptions, probes: StoreProbes = {}): Promise<Store> {
  const data: StoreThreadData = {
    path: options.path,
    reportCommits: probes.onCommit !== undefined,
    maxPages: probes.maxPages ?? null,
  }
  // Without the daemon's own flags: a debugger's port or a memory limit is not for this thread.
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
  /** Why the store takes no more operations; null while it does. */
  let ended: string | null = null
  let closing: Promise<void> | null = null
  const closed = Promise.withResolvers<void>()
  let backup: PromiseWithResolvers<BackupResult> | null = null

  /** Returns null while the store takes operations. */
  function refusalNow(): StoreError | null {
    const why = ended ?? (closing === null ? null : 'the store is closed')
    return why === null ? null : new StoreError('none', why)
  }

  function ask<Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
    bytes: number | null = null,
  ): Promise<OperationResult<Name>> {
    const refusal = refusalNow()
    if (refusal !== null) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      lastNumber += 1
      count(bytes, 1)
      // The store's thread answers an operation with the result of its row.
      pending.set(lastNumber, { settle: (result) => resolve(result as OperationResult<Name>), fail: reject, bytes })
      outgoing.push({ number: lastNumber, operation: { name, args } as unknown as StoreOperation })
      // After the microtasks, not among them: an operation and those that it triggers then share a message, a transaction and
      // a reply (for an enqueue and its claim: 0.4 ms less to the first chunk).
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
    if (closing === null) end("the store's thread ended unexpectedly")
    for (const number of [...pending.keys()]) takeOut(number)?.fail(new StoreError('none', 'the store is closed'))
    backup?.reject(new StoreError('none', 'the store is closed'))
    closed.resolve()
  })

  return {
    ...methodsOver(ask),
    get depth() {
      return { jobs: depth.jobs + inFlight.jobs, bytes: depth.bytes + inFlight.bytes }
    },
    get swaps() {
      return swaps
    },
    async enqueue(job, limits, residency) {
      // A large body is transferred to the thread, and has no length from then on.
      const bytes = job.body.byteLength
      const enqueued = await ask('enqueue', [job, limits, residency ?? null], bytes)
      if (enqueued.kind !== 'enqueued') return enqueued
      return { kind: 'enqueued', job: queuedJob(job, enqueued.sequence, bytes), queuePosition: enqueued.queuePosition }
    },
    backup() {
      const refusal = refusalNow()
      if (refusal !== null) return Promise.reject(refusal)
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

/** Returns one method for each row of the table. */
function methodsOver(ask: (name: never, args: never) => Promise<unknown>): StoreOperations {
  const methods = Object.keys(STORE_OPERATIONS).map((name) => [
    name,
    (...args: unknown[]) => ask(name as never, args as never),
  ])
  // Object.fromEntries loses the names, and StoreOperations is made of the same rows.
  return Object.fromEntries(methods) as unknown as StoreOperations
}

/** The bodies of an operation travel in a shared buffer if they are together at most this: copying them costs less. */
const SMALL_BYTES = 4096

/**
 * Returns the tickets with their bodies in buffers that are transferred, not copied. Small bodies of one tick share a buffer.
 * A large body that is part of a larger buffer is copied first: otherwise the whole buffer would go with it.
 */
function handOver(tickets: readonly Ticket[]): { tickets: Ticket[]; transfer: ArrayBuffer[] } {
  const transfer = new Set<ArrayBuffer>()
  const pack = new Uint8Array(tickets.reduce((sum, { operation }) => sum + smallBytesOf(operation), 0))
  let used = 0
  function whole(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const own = body.byteLength === body.buffer.byteLength ? body : new Uint8Array(body)
    transfer.add(own.buffer)
    return own
  }
  function inPack(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    pack.set(body, used)
    used += body.byteLength
    transfer.add(pack.buffer)
    return pack.subarray(used - body.byteLength, used)
  }
  function posted({ number, operation }: Ticket): Ticket {
    const own = bodyBytesOf(operation) <= SMALL_BYTES ? inPack : whole
    const args = rowOf(operation).post?.(own, ...operation.args)
    // A row posts arguments of its own operation.
    return args === undefined
      ? { number, operation }
      : { number, operation: { ...operation, args } as unknown as StoreOperation }
  }
  return { tickets: tickets.map(posted), transfer: [...transfer] }
}

function smallBytesOf(operation: StoreOperation): number {
  const bytes = bodyBytesOf(operation)
  return bytes <= SMALL_BYTES ? bytes : 0
}
