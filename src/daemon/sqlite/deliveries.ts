// Table of webhook deliveries (the outbox): which state changes still have to be sent, in order for each job, and fairly
// across receivers. It sends nothing, and retries are decided elsewhere.

import type { DatabaseSync } from 'node:sqlite'
import type { Delivery, DeliveryReason } from '../domain/delivery.ts'
import { MAX_AHEAD_MS } from '../domain/delivery.ts'
import type { State, StateChange } from '../domain/job.ts'
import { type None, prepare, type Value, whole } from './statement.ts'
import type { DeliveryRecall, DeliveryRequest, DeliverySettlement, DueDeliveries, DueDelivery } from './store.ts'

export interface DeliveriesTable {
  /** Adds a delivery. It waits for the earlier ones of its job. After a 410 of the receiver it is given up at once. */
  put(sequence: number, n: number, url: string, now: number): void
  all(sequence: number): Delivery[]
  due(request: DeliveryRequest): DueDeliveries
  settle(sequence: number, settlement: DeliverySettlement): boolean
  /** Returns how many were moved. */
  recall(recall: DeliveryRecall): number
  redeliver(sequence: number, n: number, now: number): boolean
  pending(): number
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

export function createDeliveries(db: DatabaseSync): DeliveriesTable {
  const insert = prepare<{ sequence: number; n: number; receiver: string; now: number }>(
    db,
    `INSERT INTO deliveries (sequence, n, receiver, status, head, reason, next_at)
     SELECT $sequence, $n, $receiver, iif(gone, 'given_up', 'pending'), NOT gone AND NOT waits,
       iif(gone, 'gone', NULL), iif(gone, NULL, $now)
     FROM (SELECT
       EXISTS (SELECT 1 FROM deliveries WHERE sequence = $sequence AND reason = 'gone') AS gone,
       EXISTS (SELECT 1 FROM deliveries WHERE sequence = $sequence AND status = 'pending') AS waits)`,
  )
  const receivers = prepare<{ except: string; limit: number }, { receiver: string; next_at: number }>(
    db,
    DELIVERY_SQL.receivers,
  )
  const heads = prepare<{ receiver: string; underWay: string; limit: number }, HeadRow>(db, DELIVERY_SQL.heads)
  const all = prepare<{ sequence: number }, DeliveryRow>(db, DELIVERY_SQL.all)
  const pending = prepare<None, { pending: number }>(db, DELIVERY_SQL.pending)
  const clearHead = prepare<{ sequence: number }>(db, DELIVERY_SQL.clearHead)
  const setHead = prepare<{ sequence: number }>(db, DELIVERY_SQL.setHead)
  const settled = (changes: string, which = 'n = $n') =>
    prepare<Readonly<Record<string, Value>>>(
      db,
      `UPDATE deliveries SET ${changes} WHERE sequence = $sequence AND ${which} AND status = 'pending'`,
    )
  const settle = {
    delivered: settled(
      `status = 'delivered', head = 0, tries = tries + 1, reason = NULL, next_at = NULL, delivered_at = $now`,
    ),
    again: settled('tries = tries + 1, reason = $reason, next_at = $at'),
    given_up: settled(`status = 'given_up', head = 0, tries = tries + 1, reason = $reason, next_at = NULL`),
  }
  const stopRest = settled(`status = 'given_up', head = 0, reason = 'gone', next_at = NULL`, '1')
  const recall = prepare<{ now: number; setBack: number; ahead: string; most: number }>(db, DELIVERY_SQL.recall)
  const redeliver = prepare<{ sequence: number; n: number; now: number }>(
    db,
    `UPDATE deliveries SET status = 'pending', tries = 0, reason = NULL, next_at = $now, delivered_at = NULL
     WHERE sequence = $sequence AND n = $n`,
  )

  /** Makes the first pending delivery of the job its head. */
  function advance(sequence: number): void {
    clearHead.run({ sequence })
    setHead.run({ sequence })
  }

  function settleOne(sequence: number, { n, now, verdict }: DeliverySettlement): number {
    switch (verdict.kind) {
      case 'delivered':
        return settle.delivered.run({ sequence, n, now: whole(now) })
      case 'again':
        return settle.again.run({ sequence, n, at: whole(verdict.at), reason: verdict.reason })
      case 'given_up':
        return settle.given_up.run({ sequence, n, reason: verdict.reason })
      case 'stopped': {
        const stopped = settle.given_up.run({ sequence, n, reason: 'gone' })
        if (stopped > 0) stopRest.run({ sequence })
        return stopped
      }
    }
  }

  return {
    put: (sequence, n, url, now) => void insert.run({ sequence, n, receiver: receiverOf(url), now: whole(now) }),
    all: (sequence) => all.all({ sequence }).map(deliveryOf),
    due({ now, limit, except, underWay }) {
      // Reads at most the receivers that are excluded, in flight or returned, and one more.
      const waiting = receivers.all({ except: JSON.stringify(except), limit: limit + underWay.length + 1 })
      const ripe = waiting.filter(({ next_at: at }) => at <= now)
      // Take from every receiver before taking more from one.
      const share = Math.max(1, Math.ceil(limit / Math.max(1, ripe.length)))
      const ids = JSON.stringify(underWay)
      const found = ripe.flatMap(({ receiver }) =>
        heads.all({ receiver, underWay: ids, limit: share + 1 }).map((row, rank) => ({ row, rank })),
      )
      found.sort((a, b) => a.rank - b.rank || a.row.next_at - b.row.next_at)
      const given = found.filter(({ row }) => row.next_at <= now).slice(0, limit)
      const later = [
        ...found.filter((one) => !given.includes(one)).map(({ row }) => row.next_at),
        ...waiting.filter(({ next_at: at }) => at > now).map(({ next_at: at }) => at),
      ]
      return {
        due: given.map(({ row }) => dueOf(row)),
        nextAt: later.length === 0 ? null : Math.min(...later),
      }
    },
    settle(sequence, settlement) {
      const changed = settleOne(sequence, settlement) > 0
      if (changed) advance(sequence)
      return changed
    },
    recall: ({ now, setBackMs }) =>
      recall.run({
        now: whole(now),
        setBack: whole(setBackMs),
        ahead: JSON.stringify(MAX_AHEAD_MS),
        most: MAX_AHEAD_MS.length - 1,
      }),
    redeliver(sequence, n, now) {
      const changed = redeliver.run({ sequence, n, now: whole(now) }) > 0
      if (changed) advance(sequence)
      return changed
    },
    pending: () => pending.get({})?.pending ?? 0,
  }
}

function deliveryOf({ n, state, status, tries, reason, next_at, delivered_at }: DeliveryRow): Delivery {
  return { n, state, status, tries, reason, nextAt: next_at, deliveredAt: delivered_at }
}

function dueOf({ id, webhook_url: url, receiver, tries, ...row }: HeadRow): DueDelivery {
  const { number, state, previous, attempt, at } = row
  const change: StateChange = { number, state, previous, attempt, at }
  return { change, url, receiver, tries, jobId: id }
}
