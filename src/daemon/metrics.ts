// Owns the counters and histograms of one daemon and their names (`foreman_…`). It only counts; it decides nothing.
// Labels carry no job ids and no text of a caller: a model name only if the target has it installed, else `other`.

import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { VERSION } from '../protocol/version.ts'
import { normaliseModel } from './affinity.ts'
import type { DeliveryVerdict } from './delivery.ts'
import type { Job } from './job.ts'
import { LoopDelay } from './loop-delay.ts'
import type { Backlog, SwapCount } from './store/store.ts'
import { isInstalled, type TargetStatus } from './target-status.ts'

/** What is not counted but read when somebody asks. */
export interface Readings {
  readonly clock: { now(): number }
  readonly store: {
    readonly depth: { readonly jobs: number; readonly bytes: number }
    readonly swaps: SwapCount
    backlog(): Promise<readonly Backlog[]>
    pendingDeliveries(): Promise<number>
  }
  readonly probes: { readonly status: TargetStatus }
  readonly queue: { readonly paused: boolean }
  readonly live: { readonly waiting: number }
}

/** A queue makes people wait for an hour, not for ten seconds. */
const LONG = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600]
const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** Every label value is a time series for ever. */
const MOST_MODELS = 100

export class Metrics {
  readonly #registry = new Registry()
  readonly #loopDelay = new LoopDelay()
  readonly #models = new Set<string>()
  #readings: Readings | null = null

  readonly #jobs = this.#counter('foreman_jobs_total', 'Jobs that ended, by final state.', ['model', 'state'])
  readonly #attempts = this.#counter('foreman_attempts_total', 'Attempts at the target, by how they ended.', [
    'outcome',
  ])
  readonly #tokens = this.#counter('foreman_tokens_total', 'Tokens, as the target counts them.', ['model', 'type'])
  readonly #cached = this.#counter(
    'foreman_cached_prompt_tokens_total',
    'Tokens of prompts that the target took from its prompt cache; they are part of the input tokens.',
    ['model'],
  )
  readonly #loads = this.#counter(
    'foreman_model_loads_total',
    'Whole runs, by whether a load was predicted and whether the target loaded (untold: its answer does not say).',
    ['predicted', 'happened'],
  )
  readonly #relayed = this.#counter('foreman_relay_bytes_total', 'Bytes of answers that came from the target.')
  readonly #wait = this.#histogram('foreman_queue_wait_seconds', 'From submit to the first sending.', LONG)
  readonly #load = this.#histogram(
    'foreman_model_load_seconds',
    'Loading, as the target says, else until the first byte.',
    LONG,
  )
  readonly #run = this.#histogram('foreman_job_duration_seconds', 'From the last sending to the end.', LONG)
  readonly #first = this.#histogram('foreman_time_to_first_token_seconds', 'From sending to the first byte.', LONG)
  readonly #embeds = this.#counter('foreman_embeddings_total', 'Embedding requests sent to the target.')
  readonly #embedsRefused = this.#counter(
    'foreman_embeddings_refused_total',
    'Embedding requests refused because too many wait.',
  )
  readonly #embedding = this.#gauge('foreman_embeddings_in_flight', 'Embedding requests at the target now.')
  readonly #embedWaiting = this.#gauge(
    'foreman_embeddings_waiting',
    'Embedding requests that wait for a place at the target.',
  )
  readonly #probes = this.#counter('foreman_target_probes_total', 'Probes of the target, by result.', ['result'])
  readonly #probe = this.#histogram('foreman_target_probe_seconds', 'How long a probe took.', SHORT)
  readonly #requests = this.#counter('foreman_http_requests_total', 'Requests answered.', ['route', 'method', 'code'])
  readonly #gone = this.#counter(
    'foreman_client_disconnects_total',
    'Callers who hung up before their answer was over.',
  )
  readonly #deliveries = this.#counter('foreman_deliveries_total', 'Tries of webhooks, by what became of them.', [
    'result',
  ])
  readonly #slots = this.#counter(
    'foreman_slot_warnings_total',
    'Times the target was found unable to hold embedder and worker at once.',
  )

  readonly #delay = this.#histogram(
    'foreman_event_loop_delay_seconds',
    'How late the event loop ran a timer that is due every 100 ms.',
    SHORT,
  )

  constructor() {
    this.#gauge('foreman_build_info', 'What runs here.', ['version', 'node']).set(
      { version: VERSION, node: process.version },
      1,
    )
    this.#read('foreman_queue_bytes', 'Bytes of the bodies that wait.', ({ store }) => store.depth.bytes)
    this.#read('foreman_callers', 'Blocked callers on the line.', ({ live }) => live.waiting)
    this.#read('foreman_paused', '1 while nothing new is sent.', ({ queue }) => Number(queue.paused))
    this.#read('foreman_target_up', '1 if the last probe was answered.', ({ probes }) =>
      Number(probes.status.reachable === true),
    )
    this.#read('foreman_swaps_saved', 'Model swaps that first-in-first-out would have made besides.', ({ store }) =>
      Math.max(0, store.swaps.fifoSwaps - store.swaps.swaps),
    )
    this.#readSwaps()
    this.#readBacklog()
    this.#readDeliveries()
  }

  /** Starts to measure the event loop. */
  start(): void {
    this.#loopDelay.start((late) => this.#delay.observe(late))
  }

  stop(): void {
    this.#loopDelay.stop()
  }

  /** Where to read what is not counted. */
  watch(readings: Readings): void {
    this.#readings = readings
  }

  jobSent(job: Job, now: number): void {
    // Only the first sending ends a wait that is worth a figure: later ones are backoffs.
    if (job.startedAt === job.claimedAt) this.#wait.observe(seconds(now - job.createdAt))
  }

  /** From the sending, in seconds. */
  firstByte(after: number): void {
    this.#first.observe(after)
  }

  /** `happened`: null if the answer does not tell. */
  loadSeen(predicted: boolean, happened: boolean | null): void {
    const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no')
    this.#loads.inc({ predicted: yesOrNo(predicted), happened: happened === null ? 'untold' : yesOrNo(happened) })
  }

  attempt(outcome: string): void {
    this.#attempts.inc({ outcome })
  }

  jobEnded(job: Job): void {
    const { state, claimedAt, workingAt, finishedAt, measured } = job
    const model = this.#label(job.model)
    this.#jobs.inc({ model, state })
    if (claimedAt !== null && finishedAt !== null) this.#run.observe(seconds(finishedAt - claimedAt))
    const loadMs = measured?.loadMs ?? (claimedAt === null || workingAt === null ? null : workingAt - claimedAt)
    if (loadMs !== null) this.#load.observe(seconds(loadMs))
    this.#tokens.inc({ model, type: 'input' }, measured?.promptTokens ?? 0)
    this.#tokens.inc({ model, type: 'output' }, measured?.completionTokens ?? 0)
    this.#cached.inc({ model }, measured?.cachedTokens ?? 0)
  }

  relayed(bytes: number): void {
    this.#relayed.inc(bytes)
  }

  embedStarted(): void {
    this.#embeds.inc()
    this.#embedding.inc()
  }

  embedEnded(): void {
    this.#embedding.dec()
  }

  embedsWaiting(count: number): void {
    this.#embedWaiting.set(count)
  }

  embedRefused(): void {
    this.#embedsRefused.inc()
  }

  probed(answered: boolean, after: number): void {
    this.#probes.inc({ result: answered ? 'answered' : 'unanswered' })
    this.#probe.observe(after)
  }

  /** `route` is a path of the table, or `other`. */
  request(route: string, method: string, status: number): void {
    this.#requests.inc({ route, method, code: status })
  }

  clientGone(): void {
    this.#gone.inc()
  }

  slotWarning(): void {
    this.#slots.inc()
  }

  /** `again`: it failed and will be tried again. */
  webhookTried(result: DeliveryVerdict['kind']): void {
    this.#deliveries.inc({ result })
  }

  async render(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }

  #label(model: string): string {
    const status = this.#readings?.probes.status
    if (status === undefined || isInstalled(model, status) !== true) return 'other'
    const name = normaliseModel(model)
    if (!this.#models.has(name) && this.#models.size >= MOST_MODELS) return 'other'
    this.#models.add(name)
    return name
  }

  #counter<T extends string = never>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }

  #gauge<T extends string = never>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] })
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] })
  }

  /** A gauge that is read when somebody asks. */
  #read(name: string, help: string, read: (readings: Readings) => number): void {
    const readings = (): Readings | null => this.#readings
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const now = readings()
        if (now !== null) this.set(read(now))
      },
    })
  }

  #readSwaps(): void {
    const readings = (): Readings | null => this.#readings
    new Counter({
      name: 'foreman_swaps_total',
      help: 'Times the queue turned to another model.',
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(readings()?.store.swaps.swaps ?? 0)
      },
    })
  }

  #readBacklog(): void {
    const backlog = async (): Promise<readonly Backlog[]> => (await this.#readings?.store.backlog()) ?? []
    const label = (model: string): string => this.#label(model)
    const age = (oldestAt: number): number => seconds((this.#readings?.clock.now() ?? oldestAt) - oldestAt)
    new Gauge({
      name: 'foreman_queue_oldest_seconds',
      help: 'How long the oldest job has waited; 0 when none does.',
      registers: [this.#registry],
      async collect() {
        // Asked for itself: what another gauge read would be one scrape late.
        this.set(Math.max(0, ...(await backlog()).map((entry) => age(entry.oldestAt))))
      },
    })
    new Gauge({
      name: 'foreman_queue_depth',
      help: 'Jobs that wait, by model.',
      labelNames: ['model'],
      registers: [this.#registry],
      async collect() {
        // Reset after the wait: two scrapes at once must not add up.
        const waiting = await backlog()
        this.reset()
        for (const { model, jobs } of waiting) this.inc({ model: label(model) }, jobs)
      },
    })
  }

  #readDeliveries(): void {
    const pending = async (): Promise<number> => (await this.#readings?.store.pendingDeliveries()) ?? 0
    new Gauge({
      name: 'foreman_deliveries_pending',
      help: 'Webhooks that were not delivered yet and will be tried (again).',
      registers: [this.#registry],
      async collect() {
        this.set(await pending())
      },
    })
  }
}

const seconds = (ms: number): number => Math.max(0, ms) / 1000
