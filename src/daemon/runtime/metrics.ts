// Counters, gauges and histograms of one daemon, made from the table in metric-table.ts. It only counts; it decides nothing.

import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { VERSION } from '../../protocol/version.ts'
import { normaliseModel } from '../domain/affinity.ts'
import { isFinal, type Job } from '../domain/job.ts'
import { isInstalled } from '../domain/target-status.ts'
import { systemClock, type Timer } from './clock.ts'
import type { MetricEntry, Readings, Sample } from './metric-entry.ts'
import { MAX_MODEL_LABELS, METRICS, type MetricKey, seconds } from './metric-table.ts'

type Row<K extends MetricKey> = (typeof METRICS)[K]
/** Metrics of a type whose value is not read at each scrape. */
type KeyOf<T extends MetricEntry['type']> = {
  [K in MetricKey]: Row<K> extends { readonly type: T }
    ? Row<K> extends { readonly read: unknown }
      ? never
      : K
    : never
}[MetricKey]
type LabelsOf<L> = { readonly [N in keyof L]: L[N] extends readonly (infer V)[] ? V : string | number }
/** The labels of a metric as an argument; no argument for a metric without labels. */
type LabelArgs<K extends MetricKey> = Row<K> extends { readonly labels: infer L } ? [labels: LabelsOf<L>] : []
type Instrument = Counter<string> | Gauge<string> | Histogram<string>

/** The part that most of the daemon uses. */
export type MetricSink = Pick<Metrics, 'inc' | 'observe'>

/** How often the event loop delay is measured. */
const LOOP_MS = 100

export class Metrics {
  readonly #registry = new Registry()
  #loopTimer: Timer | null = null
  readonly #models = new Set<string>()
  #readings: Readings | null = null
  readonly #of: Readonly<Record<MetricKey, Instrument>>

  constructor() {
    const made = Object.entries(METRICS).map(([key, entry]) => [key, this.#make(entry)])
    this.#of = Object.fromEntries(made) as Record<MetricKey, Instrument>
    this.set('buildInfo', 1, { version: VERSION, node: process.version })
  }

  /** Call it when foreman is ready: the event loop delay is measured from here on. */
  start(): void {
    if (this.#readings !== null) this.set('startTime', seconds(this.#readings.clock.now()))
    this.#measureLoop()
  }

  stop(): void {
    this.#loopTimer?.cancel()
  }

  /** Measures how late a timer fires. It takes the real clock, even if the daemon has another one. */
  #measureLoop(): void {
    const due = systemClock.monotonic() + LOOP_MS
    this.#loopTimer = systemClock.after(LOOP_MS, () => {
      // Timers have a resolution of 1 ms, and may fire early by less than that.
      this.observe('delay', seconds(systemClock.monotonic() - due))
      this.#measureLoop()
    })
  }

  /** Sets the source of the values that are read at each scrape. */
  watch(readings: Readings): void {
    this.#readings = readings
  }

  /** A `model` label may be any name that a caller sent: it becomes `other` if it is not installed. */
  inc<K extends KeyOf<'counter' | 'gauge'>>(key: K, ...labels: LabelArgs<K>): void {
    this.add(key, 1, ...labels)
  }

  add<K extends KeyOf<'counter' | 'gauge'>>(key: K, by: number, ...labels: LabelArgs<K>): void {
    // Its row says that it is a counter or a gauge.
    const instrument = this.#of[key] as Counter<string> | Gauge<string>
    instrument.inc(this.#shown(labels), by)
  }

  set<K extends KeyOf<'gauge'>>(key: K, value: number, ...labels: LabelArgs<K>): void {
    const instrument = this.#of[key] as Gauge<string>
    instrument.set(this.#shown(labels), value)
  }

  observe<K extends KeyOf<'histogram'>>(key: K, value: number, ...labels: LabelArgs<K>): void {
    const instrument = this.#of[key] as Histogram<string>
    instrument.observe(this.#shown(labels), value)
  }

  jobSent({ model, createdAt, startedAt, claimedAt }: Job, now: number): void {
    // The first attempt ends the wait; the time before a later one is backoff.
    if (startedAt === claimedAt) this.observe('wait', seconds(now - createdAt), { model })
  }

  jobEnded({ model, state, claimedAt, workingAt, finishedAt, measured }: Job): void {
    if (isFinal(state)) this.inc('jobs', { model, state })
    if (claimedAt !== null && finishedAt !== null) this.observe('run', seconds(finishedAt - claimedAt), { model })
    const loadMs = measured?.loadMs ?? (claimedAt === null || workingAt === null ? null : workingAt - claimedAt)
    if (loadMs !== null) this.observe('load', seconds(loadMs), { model })
    this.add('tokens', measured?.promptTokens ?? 0, { model, type: 'input' })
    this.add('tokens', measured?.completionTokens ?? 0, { model, type: 'output' })
    this.add('cachedTokens', measured?.cachedTokens ?? 0, { model })
  }

  async render(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() }
  }

  #shown(labels: readonly Readonly<Record<string, unknown>>[]): Record<string, string> {
    const [given = {}] = labels
    const shown = given as Record<string, string>
    return shown['model'] === undefined ? shown : { ...shown, model: this.#label(shown['model']) }
  }

  /** A model that is not installed, or beyond the maximum, is `other`: callers must not be able to create labels. */
  #label(model: string): string {
    const status = this.#readings?.prober.status
    if (status === undefined || isInstalled(model, status) !== true) return 'other'
    const name = normaliseModel(model)
    if (!this.#models.has(name) && this.#models.size >= MAX_MODEL_LABELS) return 'other'
    this.#models.add(name)
    return name
  }

  #make(entry: MetricEntry): Instrument {
    const { name, help, type, labels = {}, buckets = [], read } = entry
    const base = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] }
    if (type === 'histogram') return new Histogram({ ...base, buckets: [...buckets] })
    const samples = read === undefined ? null : () => this.#read(read)
    async function collect(this: Counter<string> | Gauge<string>): Promise<void> {
      if (samples === null) return
      const found = await samples()
      // Reset after the await: two scrapes at once must not add up.
      this.reset()
      // A reset metric without labels is 0, and an unknown value is not 0.
      if (found.length === 0) this.remove({})
      for (const sample of found) this.inc(sample.labels ?? {}, sample.value)
    }
    const options = read === undefined ? base : { ...base, collect }
    const made = type === 'counter' ? new Counter(options) : new Gauge(options)
    // Without an initial 0, Prometheus would not see the first increase.
    if (read === undefined) for (const values of closedLabels(labels)) made.inc(values, 0)
    return made
  }

  async #read(read: NonNullable<MetricEntry['read']>): Promise<readonly Sample[]> {
    return this.#readings === null ? [] : read(this.#readings, (model) => this.#label(model))
  }
}

/** Returns all combinations of label values; none if a label is an open set or the metric has no labels. */
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
