// Owns the one mapping from what the daemon knows to the document of `GET /status`. It counts and decides nothing.

import { VERSION } from '../../protocol/version.ts'
import type { RunningDocument, StatusDocument } from '../../protocol/wire.ts'
import type { RunningJob } from '../services/run.ts'
import type { App } from './app.ts'
import { pauseDocument } from './pause.ts'

export async function statusDocument(app: App): Promise<StatusDocument> {
  const { config, clock, store, queue, probes, live, phase } = app
  const [backlog, jobs] = await Promise.all([store.backlog(), store.countByState()])
  const { reachable, reason, inventory } = probes.status
  const now = clock.now()
  const waits = backlog.map(({ model, jobs, oldestAt }) => ({
    model,
    waiting: jobs,
    oldest_wait_ms: Math.max(0, now - oldestAt),
  }))
  const oldest = waits.map((entry) => entry.oldest_wait_ms)
  return {
    version: VERSION,
    phase,
    paused: queue.paused,
    pause: pauseDocument(queue),
    degraded: reachable === false,
    target: {
      url: config.ollamaUrl,
      reachable,
      reason,
      version: inventory?.version ?? null,
      probed_at: inventory === null ? null : new Date(inventory.probedWall).toISOString(),
      resident: (inventory?.resident ?? []).map((model) => ({
        model: model.name,
        size_vram: model.sizeVram,
        context_length: model.contextLength,
        expires_at: model.expiresAt,
      })),
      slots_too_few: probes.slotsTooFew,
    },
    running: queue.running === null ? null : runningDocument(queue.running, now),
    queue: {
      waiting: store.depth.jobs,
      bytes: store.depth.bytes,
      by_model: waits,
      oldest_wait_ms: oldest.length === 0 ? null : Math.max(...oldest),
    },
    counters: {
      callers: live.waiting,
      jobs,
      swaps: store.swaps.swaps,
      swaps_saved: Math.max(0, store.swaps.fifoSwaps - store.swaps.swaps),
    },
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
