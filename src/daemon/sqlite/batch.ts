// Owns how a mailbox full of operations becomes transactions and answers: whose caller holds the line first and unsynced,
// the rest synced, then the reads. And what waits while the disk is full. It never answers before the COMMIT.

import type { FileWatch } from './file-watch.ts'
import type { Answered, Durability, OperationOutcome, OperationResult, StoreOperation, Ticket } from './operation.ts'
import type { Executed, Transactions } from './transaction.ts'

/*
 * Two transactions a batch, not one. An unsynced commit costs 0.02 ms and a synced one 0.1 to 50 ms, by disk; in one
 * transaction every blocked caller would pay for the async job that came with his. The line goes first, synchronous=NORMAL:
 * what a power cut can take of it are rows whose callers it takes as well, and the log keeps its order, so that the next
 * synced commit makes them durable too. An operation that finds a job which nobody holds the line for is undone there and
 * runs again in the synced one. Only concurrent operations can change places by that; who awaits sees his order.
 */
type TransactionKind = Durability | 'deletion' | 'read'

function placeOf(operation: StoreOperation): TransactionKind {
  switch (operation.name) {
    case 'enqueue':
      return operation.job.caller === 'live' ? 'line' : 'disk'
    case 'claim':
    case 'apply':
    case 'orphan':
    case 'adopt':
      return 'line'
    case 'setPause':
    case 'recover':
    case 'interruptAll':
    case 'retry':
    case 'settleDelivery':
    case 'recallDeliveries':
    case 'redeliver':
    case 'ballast':
      return 'disk'
    case 'prune':
    case 'forget':
      return 'deletion'
    case 'get':
    case 'detail':
    case 'list':
    case 'changes':
    case 'artifact':
    case 'dueDeliveries':
    case 'pendingDeliveries':
    case 'overdue':
    case 'replay':
    case 'backlog':
    case 'countByState':
    case 'queueState':
    case 'pastRuns':
    case 'queueView':
      return 'read'
  }
}

const result = (value: OperationResult): OperationOutcome => ({ kind: 'result', result: value })

/** How long a claim waits that found no room for its own row. */
const CLAIM_AGAIN_MS = 1000

/** More than a small change needs: a disk with less left than this stays "full". */
const DISK_PROBE_BYTES = 256 * 1024

/** What an operation is told when there is no room for it; null where it has no word for that: it is kept and tried again. */
function whenFull(operation: StoreOperation): OperationOutcome | null {
  if (operation.name === 'enqueue' || operation.name === 'retry') return result({ kind: 'storage_full' })
  if (operation.name === 'claim') {
    const availableAt = operation.request.now + CLAIM_AGAIN_MS
    return result({ kind: 'empty', availableAt, isStorageFull: true })
  }
  return operation.name === 'prune' ? result(0) : null
}

export interface Batches {
  /** Runs and answers all of them, but for those that are kept because the disk is full. */
  run(tickets: readonly Ticket[]): void
  /** Looks whether the disk is still full, and runs what was kept. */
  retry(): void
  readonly full: boolean
  /** What found no room, in its order. */
  readonly kept: readonly Ticket[]
}

export interface BatchesOptions {
  readonly transactions: Transactions
  /** Throws if the files are no longer those that were opened. */
  readonly watch: FileWatch
  /** What is answered was committed. */
  readonly answer: (answers: readonly Answered[]) => void
  readonly fullChanged: (full: boolean) => void
}

export function createBatches({ transactions, watch, answer, fullChanged }: BatchesOptions): Batches {
  let full = false
  let kept: Ticket[] = []

  function setFull(now: boolean): void {
    if (full === now) return
    full = now
    fullChanged(now)
  }

  /** Runs them in one transaction and answers; gives back those that belong into the synced one. */
  function transact(durability: Durability, tickets: readonly Ticket[]): Ticket[] {
    if (tickets.length === 0) return []
    const operations = tickets.map(({ operation }) => operation)
    const executed = transactions.run(durability, operations)
    // What is promised to be on disk is on the disk of a file that is still there (4 µs beside an fsync).
    if (durability === 'disk') watch()
    if (executed.some(({ kind }) => kind === 'full')) setFull(true)
    const outcomes = tickets.map((ticket, at) => outcomeOf(ticket, executed[at]))
    answer(outcomes.filter((one) => one !== null))
    return tickets.filter((_, at) => executed[at]?.kind === 'elsewhere')
  }

  function outcomeOf(ticket: Ticket, executed: Executed | undefined): Answered | null {
    if (executed === undefined || executed.kind === 'full') return refusalOf(ticket)
    return executed.kind === 'elsewhere' ? null : { number: ticket.number, outcome: executed }
  }

  function refusalOf(ticket: Ticket): Answered | null {
    if (ticket.operation.name === 'enqueue' && ticket.operation.job.idempotency !== undefined) return replayed(ticket)
    const outcome = whenFull(ticket.operation)
    if (outcome !== null) return { number: ticket.number, outcome }
    kept.push(ticket)
    return null
  }

  /** What was taken before needs no room to be told again. */
  function replayed({ number, operation }: Ticket): Answered {
    const idempotency = operation.name === 'enqueue' ? operation.job.idempotency : undefined
    const [known] = idempotency === undefined ? [] : transactions.run('line', [{ name: 'replay', idempotency }])
    const isKnown = known?.kind === 'result' && known.result !== null
    return { number, outcome: isKnown ? known : result({ kind: 'storage_full' }) }
  }

  /** While the disk is full nothing is admitted, and nothing overtakes what is kept. Small changes may still find room. */
  function isHopeless({ operation }: Ticket): boolean {
    if (!full || ['deletion', 'read'].includes(placeOf(operation))) return false
    return operation.name === 'enqueue' || operation.name === 'retry' || kept.length > 0
  }

  return {
    run(tickets) {
      const hopeless = tickets.filter(isHopeless)
      answer(hopeless.map(refusalOf).filter((one) => one !== null))
      const hopeful = tickets.filter((ticket) => !hopeless.includes(ticket))
      const at = (place: TransactionKind): Ticket[] => hopeful.filter(({ operation }) => placeOf(operation) === place)
      const elsewhere = transact('line', at('line'))
      // Alone and before the rest: it makes room, and must not be undone with what found none.
      transact('disk', at('deletion'))
      transact(
        'disk',
        [...at('disk'), ...elsewhere].sort((a, b) => a.number - b.number),
      )
      transact('line', at('read'))
    },
    retry() {
      const isDeletion = ({ operation }: Ticket): boolean => placeOf(operation) === 'deletion'
      // What makes room goes first.
      const waiting = [...kept.filter(isDeletion), ...kept.filter((ticket) => !isDeletion(ticket))]
      kept = []
      while (waiting.length > 0 && kept.length === 0) transact('disk', waiting.splice(0, 1))
      kept.push(...waiting)
      if (kept.length === 0 && !fillsUp(transactions)) setFull(false)
    },
    get full() {
      return full
    },
    get kept() {
      return kept
    },
  }
}

/** Whether a write that needs room finds none. Written and taken away again: deleting inside one transaction writes nothing. */
function fillsUp(transactions: Transactions): boolean {
  const [written] = transactions.run('disk', [{ name: 'ballast', bytes: DISK_PROBE_BYTES }])
  if (written?.kind !== 'result') return true
  transactions.run('disk', [{ name: 'ballast', bytes: null }])
  return false
}
