// Table of webhook deliveries (the outbox): which state changes still have to be sent, in order for each job, and fairly
// across receivers. It sends nothing, and retries are decided elsewhere.

import { type Delivery, type DeliveryReason, type DeliveryVerdict, MAX_AHEAD_MS } from '../domain/delivery.ts'
import type { State, StateChange } from '../domain/job.ts'
import type { Statements, Values } from './statement.ts'

/** A webhook that is due, with the data for its payload. */
export interface DueDelivery {
  readonly change: StateChange
  readonly url: string
  /** `host:port` of `url`. Deliveries to one receiver share a limit. */
  readonly receiver: string
  /** Tries before this one. */
  readonly tries: number
  readonly jobId: string
}

export interface DeliveryRequest {
  readonly now: number
  readonly limit: number
  /** Receivers to skip. */
  readonly except: readonly string[]
  /** Jobs whose delivery is in flight. */
  readonly underWay: readonly string[]
}

/** The outcome of one try of a delivery. */
export interface DeliverySettlement {
  readonly jobId: string
  readonly n: number
  readonly now: number
  readonly verdict: DeliveryVerdict
}

interface DeliveryRow {
  readonly n: number
  readonly state: State
  readonly status: Delivery['status']
  readonly tries: number
  readonly reason: DeliveryReason | null
  readonly next_at: number | null
  readonly delivered_at: number | null
}

interface HeadRow {
  readonly id: string
  readonly webhook_url: string
  readonly receiver: string
  readonly tries: number
  readonly next_at: number
  readonly number: number
  readonly state: State
  readonly previous: State | null
  readonly attempt: number
  readonly at: number
}

const FIRST_PENDING = `(SELECT n FROM deliveries WHERE sequence = $sequence AND status = 'pending' ORDER BY n LIMIT 1)`

export const DELIVERY_SQL = {
  receivers: `SELECT receiver, next_at FROM receivers INDEXED BY receivers_by_time
    WHERE receiver NOT IN (SELECT value FROM json_each($except)) ORDER BY next_at LIMIT $limit`,
  heads: `SELECT j.id, j.webhook_url, d.receiver, d.tries, d.next_at, c.number, c.state, c.previous, c.attempt, c.at
    FROM deliveries d INDEXED BY due_by_receiver
      CROSS JOIN jobs j ON j.sequence = d.sequence
      CROSS JOIN changes c ON c.sequence = d.sequence AND c.number = d.n
    WHERE d.head = 1 AND d.receiver = $receiver AND j.id NOT IN (SELECT value FROM json_each($underWay))
    ORDER BY d.next_at LIMIT $limit`,
  all: `SELECT d.n, c.state, d.status, d.tries, d.reason, d.next_at, d.delivered_at
    FROM deliveries d JOIN changes c ON c.sequence = d.sequence AND c.number = d.n
    WHERE d.sequence = $sequence ORDER BY d.n`,
  pending: `SELECT count(*) AS pending FROM deliveries INDEXED BY pending WHERE status = 'pending'`,
  recall: `UPDATE deliveries INDEXED BY pending
    SET next_at = iif(next_at - $setBack > $now + json_extract($ahead, '$[' || min(tries, $most) || ']'),
      $now, next_at - $setBack)
    WHERE status = 'pending' AND next_at > $now
      AND ($setBack > 0 OR next_at > $now + json_extract($ahead, '$[' || min(tries, $most) || ']'))`,
  clearHead: `UPDATE deliveries SET head = 0 WHERE sequence = $sequence AND head = 1 AND n <> ${FIRST_PENDING}`,
  setHead: `UPDATE deliveries SET head = 1 WHERE sequence = $sequence AND n = ${FIRST_PENDING} AND head = 0`,
}

/** Returns `host:port`, always with the port. A trailing dot of the host name is ignored. */
export function receiverOf(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname.replace(/\.$/, '')}:${port || (protocol === 'https:' ? '443' : '80')}`
}

export function createDeliveries({ one, all, run }: Statements) {
  const insert = run<{ sequence: number; n: number; receiver: string; now: number }>(
    `INSERT INTO deliveries (sequence, n, receiver, status, head, reason, next_at)
     SELECT $sequence, $n, $receiver, iif(gone, 'given_up', 'pending'), NOT gone AND NOT waits,
       iif(gone, 'gone', NULL), iif(gone, NULL, $now)
     FROM (SELECT
       EXISTS (SELECT 1 FROM deliveries WHERE sequence = $sequence AND reason = 'gone') AS gone,
       EXISTS (SELECT 1 FROM deliveries WHERE sequence = $sequence AND status = 'pending') AS waits)`,
  )
  const receivers = all<{ receiver: string; next_at: number }, { except: string; limit: number }>(
    DELIVERY_SQL.receivers,
  )
  const heads = all<HeadRow, { receiver: string; underWay: string; limit: number }>(DELIVERY_SQL.heads)
  const ofJob = all<DeliveryRow, { sequence: number }>(DELIVERY_SQL.all)
  const pending = one<{ pending: number }>(DELIVERY_SQL.pending)
  const clearHead = run<{ sequence: number }>(DELIVERY_SQL.clearHead)
  const setHead = run<{ sequence: number }>(DELIVERY_SQL.setHead)
  const settled = (changes: string, which = 'n = $n') =>
    run<Values>(`UPDATE deliveries SET ${changes} WHERE sequence = $sequence AND ${which} AND status = 'pending'`)
  const delivered = settled(
    `status = 'delivered', head = 0, tries = tries + 1, reason = NULL, next_at = NULL, delivered_at = $now`,
  )
  const again = settled('tries = tries + 1, reason = $reason, next_at = $at')
  const givenUp = settled(`status = 'given_up', head = 0, tries = tries + 1, reason = $reason, next_at = NULL`)
  const stopRest = settled(`status = 'given_up', head = 0, reason = 'gone', next_at = NULL`, '1')
  const recall = run<{ now: number; setBack: number; ahead: string; most: number }>(DELIVERY_SQL.recall)
  const redeliver = run<{ sequence: number; n: number; now: number }>(
    `UPDATE deliveries SET status = 'pending', tries = 0, reason = NULL, next_at = $now, delivered_at = NULL
     WHERE sequence = $sequence AND n = $n`,
  )

  /** Makes the first pending delivery of the job its head. The triggers of the schema then update `receivers`. */
  function advance(sequence: number): void {
    clearHead({ sequence })
    setHead({ sequence })
  }

  function settle(sequence: number, { n, now, verdict }: DeliverySettlement): number {
    switch (verdict.kind) {
      case 'delivered':
        return delivered({ sequence, n, now })
      case 'again':
        return again({ sequence, n, at: verdict.at, reason: verdict.reason })
      case 'given_up':
        return givenUp({ sequence, n, reason: verdict.reason })
      case 'stopped': {
        const stopped = givenUp({ sequence, n, reason: 'gone' })
        if (stopped > 0) stopRest({ sequence })
        return stopped
      }
    }
  }

  return {
    /** Adds a delivery. It waits for the earlier ones of its job. After a 410 of the receiver it is given up at once. */
    put: (sequence: number, n: number, url: string, now: number) =>
      insert({ sequence, n, receiver: receiverOf(url), now }),
    all: (sequence: number): Delivery[] =>
      ofJob({ sequence }).map(({ next_at: nextAt, delivered_at: deliveredAt, ...row }) => ({
        ...row,
        nextAt,
        deliveredAt,
      })),
    /** `nextAt` is when the next delivery is due (wall ms); null if none is pending beside those of `except` and `underWay`. */
    due({ now, limit, except, underWay }: DeliveryRequest) {
      // Reads at most the receivers that are excluded, in flight or returned, and one more.
      const waiting = receivers({ except: JSON.stringify(except), limit: limit + underWay.length + 1 })
      const ripe = waiting.filter(({ next_at: at }) => at <= now)
      // Take from every receiver before taking more from one.
      const share = Math.max(1, Math.ceil(limit / Math.max(1, ripe.length)))
      const ids = JSON.stringify(underWay)
      const found = ripe.flatMap(({ receiver }) =>
        heads({ receiver, underWay: ids, limit: share + 1 }).map((row, rank) => ({ row, rank })),
      )
      found.sort((a, b) => a.rank - b.rank || a.row.next_at - b.row.next_at)
      const given = found.filter(({ row }) => row.next_at <= now).slice(0, limit)
      const later = [
        ...found.filter((one) => !given.includes(one)).map(({ row }) => row.next_at),
        ...waiting.filter(({ next_at: at }) => at > now).map(({ next_at: at }) => at),
      ]
      return { due: given.map(({ row }) => dueOf(row)), nextAt: later.length === 0 ? null : Math.min(...later) }
    },
    settle(sequence: number, settlement: DeliverySettlement): boolean {
      const changed = settle(sequence, settlement) > 0
      if (changed) advance(sequence)
      return changed
    },
    /** `setBackMs`: by how much the wall clock was set back; 0 if unknown. Returns how many were moved. */
    recall: ({ now, setBackMs: setBack }: { readonly now: number; readonly setBackMs: number }) =>
      recall({ now, setBack, ahead: JSON.stringify(MAX_AHEAD_MS), most: MAX_AHEAD_MS.length - 1 }),
    redeliver(sequence: number, n: number, now: number): boolean {
      const changed = redeliver({ sequence, n, now }) > 0
      if (changed) advance(sequence)
      return changed
    },
    pending: () => pending()?.pending ?? 0,
  }
}

function dueOf({ id, webhook_url: url, receiver, tries, number, state, previous, attempt, at }: HeadRow): DueDelivery {
  return { change: { number, state, previous, attempt, at }, url, receiver, tries, jobId: id }
}
