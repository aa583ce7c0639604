// What the daemon shows of itself: `GET /healthz`, `/readyz`, `/metrics` and `/status`. It counts and decides nothing.

import { VERSION } from '../../../protocol/version.ts'
import type { DrainDocument, RunningDocument, StatusDocument } from '../../../protocol/wire.ts'
import { isResident, type Turn, turnsInMs } from '../../domain/affinity.ts'
import { LOOP_REASON } from '../../domain/hop.ts'
import { waitingForDocument } from '../../domain/job-document.ts'
import { type QueueCondition, type WaitingFor, waitingFor } from '../../domain/wait-reason.ts'
import type { RunningJob } from '../../services/attempt-run.ts'
import type { QueueView } from '../../sqlite/store.ts'
import type { Call } from '../call.ts'
import type { HttpContext } from '../context.ts'
import { FRESH, send, sendJson } from '../respond.ts'
import { pauseDocument } from './pause.ts'

/** Health is that of the daemon: a target that sleeps makes it degraded, never unhealthy. */
export function sendHealth({ context, res }: Call): void {
  const { reachable, reason } = context.prober.status
  // The route needs no token, so no other reason is shown. A health check must find a loop.
  const loop = reason === LOOP_REASON ? { reason } : {}
  sendJson(res, 200, { status: 'ok', degraded: reachable === false, ...loop })
}

export function sendReadiness({ context: { phase }, res }: Call): void {
  sendJson(res, phase === 'ready' ? 200 : 503, { status: phase })
}

/** Counters and gauges in the text format of Prometheus. */
export async function sendMetrics({ context, res }: Call): Promise<void> {
  const { contentType, body } = await context.metrics.render()
  send(res, 200, contentType, body, FRESH)
}

export async function sendStatus({ context, res }: Call): Promise<void> {
  sendJson(res, 200, await statusDocument(context))
}

async function statusDocument(context: HttpContext): Promise<StatusDocument> {
  const { config, clock, store, dispatcher, prober, live, phase } = context
  const { residency, condition } = dispatcher
  const [backlog, jobs, view] = await Promise.all([store.backlog(), store.countByState(), store.queueView(residency)])
  const { reachable, reason, inventory } = prober.status
  const now = clock.now()
  const waits = backlog.map(({ model, jobs, oldestAt }) => ({
    model,
    waiting: jobs,
    oldest_wait_ms: Math.max(0, now - oldestAt),
    waiting_for: waitingForDocument(waitingForFirst(view, model, condition)),
  }))
  const oldest = waits.map((entry) => entry.oldest_wait_ms)
  return {
    version: VERSION,
    phase,
    paused: dispatcher.paused,
    pause: pauseDocument(dispatcher),
    degraded: reachable === false,
    target: {
      url: config.ollamaUrl,
      reachable,
      reason,
      version: inventory?.version ?? null,
      probed_at: inventory === null ? null : new Date(inventory.probedWall).toISOString(),
      resident: (inventory?.resident ?? []).map((model) => ({
        model: model.name,
        size: model.size,
        size_vram: model.sizeVram,
        context_length: model.contextLength,
        expires_at: model.expiresAt,
      })),
      slots_too_few: prober.slotsTooFew,
    },
    running: dispatcher.running === null ? null : runningDocument(dispatcher.running, now),
    queue: {
      waiting: store.depth.jobs,
      bytes: store.depth.bytes,
      by_model: waits,
      oldest_wait_ms: oldest.length === 0 ? null : Math.max(...oldest),
    },
    drain: drainDocument(view, residency, now),
    counters: {
      callers: live.waiting,
      jobs,
      swaps: store.swaps.swaps,
      swaps_saved: Math.max(0, store.swaps.fifoSwaps - store.swaps.swaps),
      loads: {
        predicted: dispatcher.loads.predicted,
        happened: dispatcher.loads.happened,
        unforeseen: dispatcher.loads.unforeseen,
      },
    },
  }
}

function waitingForFirst({ firsts }: QueueView, model: string, condition: QueueCondition): WaitingFor | null {
  const first = firsts.find((one) => one.model === model)
  if (first === undefined || first.queuePosition === null) return null
  return waitingFor(first.job, first.queuePosition, condition)
}

function drainDocument({ swappedAwake, swappedAt, oldest }: QueueView, turn: Turn, now: number): DrainDocument {
  const { limitMs = 0, awakeNow = 0 } = turn.drain ?? {}
  const turns = oldest === null || isResident(oldest.affinity, turn) ? null : oldest
  const inMs = turns === null ? null : turnsInMs({ limitMs, awakeNow, swappedAwake, oldestAwake: turns.createdAwake })
  return {
    affinity: turn.affinity,
    swapped_at: swappedAt === null ? null : new Date(swappedAt).toISOString(),
    drained_ms: Math.max(0, awakeNow - swappedAwake),
    limit_ms: limitMs,
    turns_to: inMs === null ? null : (turns?.affinity ?? null),
    turns_at: inMs === null ? null : new Date(now + inMs).toISOString(),
  }
}

function runningDocument({ job, bytes, silentMs }: RunningJob, now: number): RunningDocument {
  return {
    job_id: job.id,
    model: job.model,
    endpoint: job.endpoint,
    state: job.state,
    attempt: job.attempt,
    caller: job.caller,
    running_ms: Math.max(0, now - (job.claimedAt ?? now)),
    silent_ms: Math.max(0, Math.round(silentMs)),
    bytes,
  }
}
