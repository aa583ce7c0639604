// The store's thread: the only one that touches SQLite. Owns the mailbox: takes what is there, lets it run as one batch, posts
// the answers. It decides nothing about jobs, and after a broken commit it does nothing at all.

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

/** A batch may have this many operations and, but for its last one, this many bytes of bodies. */
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

  /** Runs `work`; an error in it means that nobody knows what is on disk. */
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
    // What is in the file already frees the log, and a log that starts again needs no new room.
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

/** Takes the next batch out of the mailbox. */
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

/** A function, because the bundle's thread is CommonJS, which has no top-level await. An error it throws ends the thread. */
async function start(port: MessagePort): Promise<void> {
  try {
    // Written by thread.ts, which started this thread.
    await serve(port, workerData as StoreThreadData)
  } catch (error) {
    if (!(error instanceof StoreOpenError)) throw error
    port.postMessage({ kind: 'refused', reason: error.reason, message: error.message } satisfies FromStore)
    port.close()
  }
}
