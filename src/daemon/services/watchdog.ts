// Watchdog of a running job: decides whether a silent target is slow, stuck or lost. It tests a silent target on a new
// connection (a sleeping machine keeps the old one open; llama-swap #1056), and never gives up after a timeout alone: a
// load of twenty minutes is slow, not dead. It only stops the attempt or gives it up.

import type { Target } from '../ollama/target.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import { formatDuration } from '../text/grammar.ts'
import type { Attempt } from './attempt-run.ts'

/** Silence after which new connections are tried, and how often after that. */
const SILENT_MS = 30_000
const ASK_EVERY_MS = 10_000
const ASK_DEADLINE_MS = 5_000
const FAILURES = 3

export interface WatchLimits {
  /** FOREMAN_RUN_LIMIT, ms; 0 = none. */
  readonly runLimitMs: number
  /** FOREMAN_STALL_LIMIT, ms. */
  readonly stallLimitMs: number
}

/** Watches an attempt until `stop()` is called. */
export function watch(run: Attempt, target: Target, clock: Clock, limits: WatchLimits): { stop(): void } {
  const timers = new Set<Timer>()
  let stopped = false
  let failures = 0

  const after = (ms: number, fn: () => void): void => {
    const timer = clock.after(ms, () => {
      timers.delete(timer)
      if (!stopped) fn()
    })
    timers.add(timer)
  }

  const patienceMs = run.job.stream ? Math.min(SILENT_MS, limits.stallLimitMs) : SILENT_MS

  const listen = (): void => {
    const silentFor = run.paused ? 0 : clock.monotonic() - run.heardAt
    if (silentFor < patienceMs) {
      failures = 0
      after(patienceMs - silentFor, listen)
      return
    }
    void ask(run.heardAt)
  }

  const ask = async (heardAt: number): Promise<void> => {
    const answers = await target.alive(ASK_DEADLINE_MS)
    if (stopped) return
    if (run.heardAt !== heardAt || run.paused) return listen()
    const silentFor = clock.monotonic() - heardAt
    failures = answers || silentFor < SILENT_MS ? 0 : failures + 1
    if (failures >= FAILURES) return run.giveUp('silent, and it does not answer on new connections')
    const stallsIn = limits.stallLimitMs - silentFor
    const isStuck = run.job.stream && stallsIn <= 0
    if (answers && isStuck) return void run.stop('stalled', formatDuration(limits.stallLimitMs))
    after(stallsIn > 0 ? Math.min(ASK_EVERY_MS, stallsIn) : ASK_EVERY_MS, listen)
  }

  after(patienceMs, listen)
  if (limits.runLimitMs > 0) after(limits.runLimitMs, () => run.stop('run_limit', formatDuration(limits.runLimitMs)))
  return {
    stop() {
      stopped = true
      for (const timer of timers) timer.cancel()
    },
  }
}
