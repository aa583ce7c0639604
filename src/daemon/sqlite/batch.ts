// Batches of the store's thread: turns a mailbox of operations into transactions and answers. Unsynced operations run first,
// then synced ones, then reads. Operations without room on a full disk are kept. No answer goes out before its COMMIT.

import type { FileWatch } from './file-watch.ts'
import type { Answered, OperationOutcome, Ticket } from './messages.ts'
import { rowOf, type TransactionKind } from './operations.ts'
import type { Durability } from './tables.ts'
import type { Executed, Transactions } from './transaction.ts'

/*
 * Two transactions a batch, not one. An unsynced commit costs 0.02 ms and a synced one 0.1 to 50 ms, by disk; in one
 * transaction every waiting caller would pay for an async job of the same batch. The unsynced one goes first, with
 * synchronous=NORMAL. A power cut can take only rows of it whose callers it disconnects as well. The log keeps its order, so
 * the next synced commit makes them durable too. An operation that finds an async job is undone there and runs again in the
 * synced transaction. Only concurrent operations can change places by that; a caller that awaits each answer sees its order.
 */

const kindOf = ({ operation }: Ticket): TransactionKind => rowOf(operation).kind(...operation.args)

const result = (value: unknown): OperationOutcome => ({ kind: 'result', result: value })

/** More than a small change needs: a disk with less room than this stays "full". */
const DISK_PROBE_BYTES = 256 * 1024

export interface Batches {
  /** Runs and answers all of them, except those that are kept because the disk is full. */
  run(tickets: readonly Ticket[]): void
  /** Runs what was kept, and tests whether the disk is still full. */
  retry(): void
  readonly full: boolean
  /** The operations that wait for room on the disk, in their order. */
  readonly kept: readonly Ticket[]
}

export interface BatchesOptions {
  readonly transactions: Transactions
  /** Throws if the files are not those that were opened. */
  readonly watch: FileWatch
  /** Called after the commit. `transfer`: the buffers that the answers hand over. */
  readonly answer: (answers: readonly Answered[], transfer: ArrayBuffer[]) => void
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

  /** Runs them in one transaction and answers. Returns those that must run in the synced one. */
  function transact(durability: Durability, tickets: readonly Ticket[]): Ticket[] {
    if (tickets.length === 0) return []
    const operations = tickets.map(({ operation }) => operation)
    const executed = transactions.run(durability, operations)
    // A synced answer promises a disk copy in a file that still exists (the check takes 4 µs, beside an fsync).
    if (durability === 'synced') watch()
    if (executed.some(({ kind }) => kind === 'full')) setFull(true)
    const outcomes = tickets.map((ticket, at) => outcomeOf(ticket, executed[at]))
    answer(
      outcomes.filter((one) => one !== null),
      tickets.flatMap((ticket, at) => buffersOf(ticket, executed[at])),
    )
    return tickets.filter((_, at) => executed[at]?.kind === 'needs_sync')
  }

  function outcomeOf(ticket: Ticket, executed: Executed | undefined): Answered | null {
    if (executed === undefined || executed.kind === 'full') return refusalOf(ticket)
    return executed.kind === 'needs_sync' ? null : { number: ticket.number, outcome: executed }
  }

  /** Returns the answer to an operation that found no room; null if it is kept and tried again. */
  function refusalOf(ticket: Ticket): Answered | null {
    const { number, operation } = ticket
    const row = rowOf(operation)
    const key = row.key?.(...operation.args)
    if (key !== undefined) {
      // Answering for a job that was admitted before needs no room.
      const [known] = transactions.run('unsynced', [{ name: 'replay', args: [key] }])
      if (known?.kind === 'result' && known.result !== null) return { number, outcome: known }
    }
    if (row.whenFull !== undefined) return { number, outcome: result(row.whenFull(...operation.args)) }
    kept.push(ticket)
    return null
  }

  /** While the disk is full nothing is admitted, and nothing overtakes what is kept. Small changes may still find room. */
  function isDeferred(ticket: Ticket): boolean {
    if (!full || ['deletion', 'read'].includes(kindOf(ticket))) return false
    return rowOf(ticket.operation).admits === true || kept.length > 0
  }

  return {
    run(tickets) {
      const deferred = tickets.filter(isDeferred)
      answer(
        deferred.map(refusalOf).filter((one) => one !== null),
        [],
      )
      const runnable = tickets.filter((ticket) => !deferred.includes(ticket))
      const of = (kind: TransactionKind): Ticket[] => runnable.filter((ticket) => kindOf(ticket) === kind)
      const needSync = transact('unsynced', of('unsynced'))
      // In a transaction of their own and before the rest: deletions make room, and must not be undone with what found none.
      transact('synced', of('deletion'))
      transact(
        'synced',
        [...of('synced'), ...needSync].sort((a, b) => a.number - b.number),
      )
      transact('unsynced', of('read'))
    },
    retry() {
      const isDeletion = (ticket: Ticket): boolean => kindOf(ticket) === 'deletion'
      // Deletions go first, because they make room.
      const waiting = [...kept.filter(isDeletion), ...kept.filter((ticket) => !isDeletion(ticket))]
      kept = []
      while (waiting.length > 0 && kept.length === 0) transact('synced', waiting.splice(0, 1))
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

/** Returns the buffers of a result. They are handed over, not copied: no other code uses what SQLite returned. */
function buffersOf({ operation }: Ticket, executed: Executed | undefined): ArrayBuffer[] {
  return executed?.kind === 'result' ? (rowOf(operation).transfer?.(executed.result) ?? []) : []
}

/** Returns whether the disk is full: writes the probe and deletes it. Both in one transaction would write nothing. */
function fillsUp(transactions: Transactions): boolean {
  const [written] = transactions.run('synced', [{ name: 'diskProbe', args: [DISK_PROBE_BYTES] }])
  if (written?.kind !== 'result') return true
  transactions.run('synced', [{ name: 'diskProbe', args: [null] }])
  return false
}
