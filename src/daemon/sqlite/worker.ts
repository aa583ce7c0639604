// The store's thread, which alone touches SQLite. It takes the operations from its mailbox, runs them as batches and posts the
// answers. After a broken commit it does nothing more.

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type Backups, createBackups } from './backup.ts'
import { createBatches } from './batch.ts'
import { createCheckpoints, WHEN_BUSY, WHEN_IDLE } from './checkpoint.ts'
import type { Answered, FromStore, StoreThreadData, Ticket, ToStore } from './messages.ts'
import { openExclusively } from './opening.ts'
import { bodyBytesOf } from './operations.ts'
import { StoreOpenError } from './store.ts'
import { createTables } from './tables.ts'
import { createTransactions } from './transaction.ts'

/** Limits of a batch: operations, and bytes of bodies, which only its last operation may exceed. */
const BATCH_OPERATIONS = 512
const BATCH_BYTES = 16 * 1024 * 1024

const RETRY_MS = { first: 100, most: 5000 }

async function serve(port: MessagePort, { path, reportCommits, maxPages }: StoreThreadData): Promise<void> {
  const post = (message: FromStore, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)
  const database = await openExclusively(path)
  const { db, watch } = database
  if (maxPages !== null) db.exec(`PRAGMA max_page_count = ${maxPages}`)
  const tables = createTables(db)
  const { counters } = tables
  const checkpoints = createCheckpoints(db)
  const backups = createBackups(database.path)
  const transactions = createTransactions(
    db,
    tables,
    reportCommits ? (commit) => post({ kind: 'committed', commit }) : null,
  )
  const batches = createBatches({ transactions, watch, answer, fullChanged: (full) => post({ kind: 'storage', full }) })
  const mailbox: Ticket[] = []
  let retryTimer: NodeJS.Timeout | null = null
  let retryMs = RETRY_MS.first
  let isBroken = false

  function answer(answers: readonly Answered[], transfer: ArrayBuffer[]): void {
    if (answers.length === 0) return
    post({ kind: 'answers', answers, depth: counters.depth, swaps: counters.swaps }, transfer)
  }

  /** Runs `work`. An error in it means that the state of the disk is unknown. */
  function guarded(work: () => void): void {
    if (isBroken) return
    try {
      work()
    } catch (error) {
      isBroken = true
      post({ kind: 'fatal', message: error instanceof Error ? error.message : String(error) })
    }
  }

  function take(message: ToStore): boolean {
    if (message.kind === 'tickets') for (const ticket of message.tickets) mailbox.push(ticket)
    else if (message.kind === 'watch') guarded(watch)
    else if (message.kind === 'backup') void backUp(backups, post)
    return message.kind === 'close'
  }

  function work(): void {
    batches.run(nextBatch(mailbox))
    if (batches.full) scheduleRetry()
  }

  function scheduleRetry(): void {
    if (retryTimer !== null) return
    retryTimer = setTimeout(() => {
      retryTimer = null
      guarded(retry)
    }, retryMs)
    retryMs = Math.min(retryMs * 2, RETRY_MS.most)
  }

  function retry(): void {
    // A checkpoint lets the log restart from its beginning, so that new writes need no new room.
    checkpoints.run(0)
    batches.retry()
    if (batches.full) scheduleRetry()
    else retryMs = RETRY_MS.first
  }

  function close(): void {
    backups.stop()
    guarded(() => {
      if (batches.full) retry()
      const message = 'the store was closed before the disk had room for it'
      answer(
        batches.kept.map(({ number }) => ({ number, outcome: { kind: 'error', message } })),
        [],
      )
      checkpoints.finish()
      database.close()
    })
    if (retryTimer !== null) clearTimeout(retryTimer)
    post({ kind: 'closed' })
    port.close()
  }

  port.on('message', (first: ToStore) => {
    let isClosing = take(first)
    guarded(() => {
      for (;;) {
        for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
          if (take(more.message as ToStore)) isClosing = true
        }
        if (mailbox.length === 0) break
        work()
        checkpoints.run(WHEN_BUSY)
      }
      checkpoints.run(WHEN_IDLE)
    })
    if (isClosing) close()
  })
  post({ kind: 'opened', depth: counters.depth })
}

async function backUp(backups: Backups, post: (message: FromStore) => void): Promise<void> {
  try {
    post({ kind: 'backedUp', outcome: await backups.make() })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    post({ kind: 'backedUp', outcome: { kind: 'error', message } })
  }
}

/** Removes the next batch from the mailbox and returns it. */
function nextBatch(mailbox: Ticket[]): Ticket[] {
  let bytes = 0
  let length = 0
  for (const { operation } of mailbox) {
    if (length === BATCH_OPERATIONS || bytes >= BATCH_BYTES) break
    bytes += bodyBytesOf(operation)
    length += 1
  }
  return mailbox.splice(0, length)
}

if (parentPort === null) throw new Error('the store runs in a thread of its own: start it with openStore')
void start(parentPort)

/** A function, because the bundle of the thread is CommonJS, without top-level await. Its errors end the thread. */
async function start(port: MessagePort): Promise<void> {
  try {
    // thread.ts starts this thread with this data.
    await serve(port, workerData as StoreThreadData)
  } catch (error) {
    if (!(error instanceof StoreOpenError)) throw error
    port.postMessage({ kind: 'refused', reason: error.reason, message: error.message } satisfies FromStore)
    port.close()
  }
}
