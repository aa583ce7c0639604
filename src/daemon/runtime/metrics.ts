// Counters, gauges and histograms of one daemon, made from the table in metric-table.ts. It only counts; it decides nothing.

import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { VERSION } from '../../protocol/version.ts'
import { normaliseModel } from '../domain/affinity.ts'
import type { DeliveryVerdict } from '../domain/delivery.ts'
import type { EventName, Job } from '../domain/job.ts'
import { isInstalled } from '../domain/target-status.ts'
import { LoopDelay } from './loop-delay.ts'
import type { MetricEntry, Readings, Sample } from './metric-entry.ts'
import { MAX_MODEL_LABELS, METRICS, type MetricKey } from './metric-table.ts'

type Row<K extends MetricKey> = (typeof METRICS)[K]
type LabelName<K extends MetricKey> = Row<K> extends { labels: infer L } ? keyof L & string : never
type Instrument<K extends MetricKey> = Row<K>['type'] extends 'counter'
  ? Counter<LabelName<K>>
  : Row<K>['type'] extends 'gauge'
    ? Gauge<LabelName<K>>
    : Histogram<LabelName<K>>
type Instruments = { readonly [K in MetricKey]: Instrument<K> }

export class Metrics {
  readonly #registry = new Registry()
  readonly #loopDelay = new LoopDelay()
  readonly #models = new Set<string>()
  #readings: Readings | null = null
  readonly #of: Instruments

  constructor() {
    const made = Object.entries(METRICS).map(([key, entry]) => [key, this.#make(entry)])
    this.#of = Object.fromEntries(made) as unknown as Instruments
    this.#of.buildInfo.set({ version: VERSION, node: process.version }, 1)
  }

  /** Foreman is ready: measures the event loop from here on. */
  start(): void {
    if (this.#readings !== null) this.#of.startTime.set(seconds(this.#readings.clock.now()))
    this.#loopDelay.start((late) => this.#of.delay.observe(late))
  }

  stop(): void {
    this.#loopDelay.stop()
  }

  /** Where to read what is not counted. */
  watch(readings: Readings): void {
    this.#readings = readings
  }

  /** What a crash left is counted here, because the process that made the attempts cannot. */
  recovered({ requeued, failed }: { readonly requeued: number; readonly failed: number }): void {
    this.#of.attempts.inc({ outcome: 'recovered' }, requeued)
    this.#of.attempts.inc({ outcome: 'attempts_exhausted' }, failed)
  }

  jobSent(job: Job, now: number): void {
    // Only the first sending ends a wait that is worth a figure: later ones are backoffs.
    if (job.startedAt !== job.claimedAt) return
    this.#of.wait.observe({ model: this.#label(job.model) }, seconds(now - job.createdAt))
  }

  /** `after`: seconds since the job was sent. */
  firstByte(model: string, after: number): void {
    this.#of.firstByte.observe({ model: this.#label(model) }, after)
  }

  /** `happened`: null if the answer does not tell. */
  loadSeen(predicted: boolean, happened: boolean | null): void {
    const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no')
    this.#of.loads.inc({ predicted: yesOrNo(predicted), happened: happened === null ? 'untold' : yesOrNo(happened) })
  }

  attempt(outcome: EventName): void {
    this.#of.attempts.inc({ outcome })
  }

  jobEnded(job: Job): void {
    const { state, claimedAt, workingAt, finishedAt, measured } = job
    const model = this.#label(job.model)
    this.#of.jobs.inc({ model, state })
    if (claimedAt !== null && finishedAt !== null) this.#of.run.observe({ model }, seconds(finishedAt - claimedAt))
    const loadMs = measured?.loadMs ?? (claimedAt === null || workingAt === null ? null : workingAt - claimedAt)
    if (loadMs !== null) this.#of.load.observe({ model }, seconds(loadMs))
    this.#of.tokens.inc({ model, type: 'input' }, measured?.promptTokens ?? 0)
    this.#of.tokens.inc({ model, type: 'output' }, measured?.completionTokens ?? 0)
    this.#of.cachedTokens.inc({ model }, measured?.cachedTokens ?? 0)
  }

  relayed(bytes: number): void {
    this.#of.relayed.inc(bytes)
  }

  embedStarted(): void {
    this.#of.embeds.inc()
    this.#of.embedding.inc()
  }

  embedEnded(): void {
    this.#of.embedding.dec()
  }

  embedsWaiting(count: number): void {
    this.#of.embedsWaiting.set(count)
  }

  embedRefused(): void {
    this.#of.embedsRefused.inc()
  }

  probed(answered: boolean, after: number): void {
    this.#of.probes.inc({ result: answered ? 'answered' : 'unanswered' })
    this.#of.probe.observe(after)
  }

  /** `route` is a path of the table, or `other`. */
  request(route: string, method: string, status: number): void {
    this.#of.requests.inc({ route, method, code: status })
  }

  clientGone(): void {
    this.#of.disconnects.inc()
  }

  slotWarning(): void {
    this.#of.slots.inc()
  }

  /** `again`: it failed and will be tried again. */
  webhookTried(result: DeliveryVerdict['kind']): void {
    this.#of.deliveries.inc({ result })
  }

  async render(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }

  /** A model that is not installed is `other`, so that no caller can make a label; so is one beyond the bound. */
  #label(model: string): string {
    const status = this.#readings?.prober.status
    if (status === undefined || isInstalled(model, status) !== true) return 'other'
    const name = normaliseModel(model)
    if (!this.#models.has(name) && this.#models.size >= MAX_MODEL_LABELS) return 'other'
    this.#models.add(name)
    return name
  }

  #make(entry: MetricEntry): Counter<string> | Gauge<string> | Histogram<string> {
    const { name, help, type, labels = {}, buckets = [], read } = entry
    const base = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] }
    if (type === 'histogram') return new Histogram({ ...base, buckets: [...buckets] })
    const samples = read === undefined ? null : () => this.#read(read)
    async function collect(this: Counter<string> | Gauge<string>): Promise<void> {
      if (samples === null) return
      const found = await samples()
      // Reset after the wait: two scrapes at once must not add up.
      this.reset()
      // A reset metric without labels is 0, and an unknown value is not 0.
      if (found.length === 0) this.remove({})
      for (const sample of found) this.inc(sample.labels ?? {}, sample.value)
    }
    const options = read === undefined ? base : { ...base, collect }
    const made = type === 'counter' ? new Counter(options) : new Gauge(options)
    // Without a first 0, Prometheus would not see the first increase.
    if (read === undefined) for (const values of closedLabels(labels)) made.inc(values, 0)
    return made
  }

  async #read(read: NonNullable<MetricEntry['read']>): Promise<readonly Sample[]> {
    return this.#readings === null ? [] : read(this.#readings, (model) => this.#label(model))
  }
}

/** All combinations of label values; empty if a label is an open set, or if the metric has no labels. */
function closedLabels(labels: NonNullable<MetricEntry['labels']>): Record<string, string>[] {
  const entries = Object.entries(labels)
  if (entries.length === 0) return []
  return entries.reduce<Record<string, string>[]>(
    (combinations, [name, values]) =>
      typeof values === 'string'
        ? []
        : combinations.flatMap((before) => values.map((value) => ({ ...before, [name]: value }))),
    [{}],
  )
}

const seconds = (ms: number): number => Math.max(0, ms) / 1000
