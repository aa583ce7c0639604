// Table of the metrics of `GET /metrics`: name, type, labels, meaning, and when to look at it. metrics.ts counts by it,
// and docs/metrics.md is rendered from it. A label never holds a job id or a caller's text.

import type { DeliveryVerdict } from '../domain/delivery.ts'
import { ATTEMPT_EVENTS, FINAL_STATES } from '../domain/job.ts'
import type { MetricEntry, Sample } from './metric-entry.ts'

/** Every label value is a time series for as long as Prometheus keeps data. */
export const MAX_MODEL_LABELS = 50

/** Jobs may wait for an hour, so the buckets go beyond the usual ten seconds. */
const LONG = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600]
const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

const MODEL = 'name of an installed model, or `other`'

const DELIVERY_RESULTS = [
  'delivered',
  'again',
  'given_up',
  'stopped',
] as const satisfies readonly DeliveryVerdict['kind'][]

const metric =
  <T extends MetricEntry['type']>(type: T) =>
  <const R extends Omit<MetricEntry, 'name' | 'type'>>(name: string, rest: R) => ({ type, name, ...rest })
const counter = metric('counter')
const gauge = metric('gauge')
const histogram = metric('histogram')

const one = (value: number | null): readonly Sample[] => (value === null ? [] : [{ value }])
export const seconds = (ms: number): number => Math.max(0, ms) / 1000

export const METRICS = {
  // The queue
  queueDepth: gauge('foreman_queue_depth', {
    help: 'Waiting jobs, by model.',
    labels: { model: MODEL },
    look: 'To see which model the queue is waiting for. A model without a waiting job has no sample.',
    read: async ({ store }, modelLabel) => {
      const depths = new Map<string, number>()
      for (const { model, jobs } of await store.backlog()) {
        const label = modelLabel(model)
        depths.set(label, (depths.get(label) ?? 0) + jobs)
      }
      return [...depths].map(([model, value]) => ({ labels: { model }, value }))
    },
  }),
  queueOldest: gauge('foreman_queue_oldest_seconds', {
    help: 'How long the oldest waiting job has waited; 0 if no job waits.',
    look: 'First: it rises whenever the queue does not move, whatever the reason.',
    read: async ({ store, clock }) => {
      const ages = (await store.backlog()).map(({ oldestAt }) => seconds(clock.now() - oldestAt))
      return one(Math.max(0, ...ages))
    },
  }),
  queueBytes: gauge('foreman_queue_bytes', {
    help: 'Total size of the waiting request bodies.',
    look: 'If submits are refused with `queue_full` although few jobs wait: the limit is FOREMAN_MAX_QUEUE_BYTES.',
    read: ({ store }) => one(store.depth.bytes),
  }),
  paused: gauge('foreman_paused', {
    help: '1 while the queue is paused, else 0.',
    look: 'If jobs wait although the target is up: the queue may still be paused.',
    read: ({ dispatcher }) => one(Number(dispatcher.paused)),
  }),
  callers: gauge('foreman_callers', {
    help: 'Callers that wait on their connection for an answer.',
    look: 'To see how many callers wait now, in addition to async jobs.',
    read: ({ live }) => one(live.waiting),
  }),
  disconnects: counter('foreman_client_disconnects_total', {
    help: 'Callers that hung up before their answer was complete.',
    look: 'If it rises with the waiting time: clients have shorter timeouts than the queue is long.',
  }),
  swaps: counter('foreman_swaps_total', {
    help: 'Times the queue switched to another model.',
    look: 'Together with the jobs: many swaps for few jobs mean that models alternate, and each swap costs a load.',
    read: ({ store }) => one(store.swaps.swaps),
  }),
  swapsSaved: gauge('foreman_swaps_saved', {
    help: 'Additional model swaps that a first-in-first-out queue would have made.',
    look: 'To see how much draining by model saves here.',
    read: ({ store }) => one(Math.max(0, store.swaps.fifoSwaps - store.swaps.swaps)),
  }),

  // Jobs
  jobs: counter('foreman_jobs_total', {
    help: 'Jobs that ended, by model and final state.',
    labels: { model: MODEL, state: FINAL_STATES },
    look: 'For throughput, and for the share that fails.',
  }),
  attempts: counter('foreman_attempts_total', {
    help: 'Attempts at the target, by outcome.',
    labels: { outcome: ATTEMPT_EVENTS },
    look: 'If jobs fail: [the lifecycle](job-lifecycle.md) explains each outcome.',
  }),
  running: gauge('foreman_running_job_seconds', {
    help: 'Time since the running job was sent; 0 if no job runs.',
    look: 'If the queue does not move: one job may block it.',
    read: ({ dispatcher: { running }, clock }) =>
      one(running === null ? 0 : seconds(clock.now() - (running.job.claimedAt ?? clock.now()))),
  }),
  wait: histogram('foreman_queue_wait_seconds', {
    help: 'Waiting time of a job, from its submit to its first attempt.',
    labels: { model: MODEL },
    buckets: LONG,
    look: 'To decide whether one target is enough.',
  }),
  load: histogram('foreman_model_load_seconds', {
    help: 'Load time of a model: as the target reports it, else until the first byte of a job whose model was not loaded.',
    labels: { model: MODEL },
    buckets: LONG,
    look: 'To see what a swap costs on this machine.',
  }),
  run: histogram('foreman_job_duration_seconds', {
    help: 'Run time of a job, from its last attempt to its end.',
    labels: { model: MODEL },
    buckets: LONG,
    look: 'For the speed of a model. The rate of its sum is the share of time during which the target works.',
  }),
  firstByte: histogram('foreman_time_to_first_token_seconds', {
    help: 'Time from sending a job to the first byte of its answer.',
    labels: { model: MODEL },
    buckets: LONG,
    look: 'If answers start late: a high value without a load means long prompts.',
  }),
  tokens: counter('foreman_tokens_total', {
    help: 'Tokens, as the target counts them.',
    labels: { model: MODEL, type: ['input', 'output'] },
    look: 'For tokens per second, and for the use of each model.',
  }),
  cachedTokens: counter('foreman_cached_prompt_tokens_total', {
    help: 'Prompt tokens that the target took from its prompt cache; they are part of the input tokens.',
    labels: { model: MODEL },
    look: 'To see whether prompts share their beginning. Ollama before 0.34 does not report them.',
  }),
  loads: counter('foreman_model_loads_total', {
    help: 'Completed runs, by whether a load was predicted and whether the target loaded (untold: its answer does not say).',
    labels: { predicted: ['yes', 'no'], happened: ['yes', 'no', 'untold'] },
    look: 'If swaps cost more than they should: `predicted="no",happened="yes"` is a load that foreman did not foresee.',
  }),
  relayed: counter('foreman_relay_bytes_total', {
    help: 'Bytes of answers to jobs, as received from the target.',
    look: 'To see whether a running job is producing anything.',
  }),

  // Embeddings
  embeds: counter('foreman_embeddings_total', {
    help: 'Embedding requests sent to the target.',
    look: 'For the load that bypasses the queue.',
  }),
  embedsRefused: counter('foreman_embeddings_refused_total', {
    help: 'Embedding requests refused because too many wait.',
    look: 'If it rises: send fewer at once, or raise FOREMAN_EMBED_QUEUE.',
  }),
  embedding: gauge('foreman_embeddings_in_flight', {
    help: 'Embedding requests at the target now.',
    look: 'If it stays at FOREMAN_EMBED_CONCURRENCY: the target is the limit.',
  }),
  embedsWaiting: gauge('foreman_embeddings_waiting', {
    help: 'Embedding requests that wait for a place at the target.',
    look: 'Before it reaches FOREMAN_EMBED_QUEUE, beyond which requests are refused.',
  }),

  // The target
  targetUp: gauge('foreman_target_up', {
    help: '1 if the last probe of the target was answered, else 0.',
    look: 'If jobs wait: the target may be asleep or down.',
    read: ({ prober }) => one(Number(prober.status.reachable === true)),
  }),
  probes: counter('foreman_target_probes_total', {
    help: 'Probes of the target, by result.',
    labels: { result: ['answered', 'unanswered'] },
    look: 'For a target that comes and goes between two scrapes.',
  }),
  probe: histogram('foreman_target_probe_seconds', {
    help: 'How long a probe took.',
    buckets: SHORT,
    look: 'If it grows: the target or the network to it is overloaded.',
  }),
  slotsTooFew: gauge('foreman_target_slots_too_few', {
    help: '1 while the target cannot hold the embedder and a worker at once, else 0.',
    look: 'If each embedding makes the worker load again: set OLLAMA_MAX_LOADED_MODELS=2 at the target.',
    read: ({ prober }) => one(Number(prober.slotsTooFew)),
  }),
  slots: counter('foreman_slot_warnings_total', {
    help: 'Times the target was found unable to hold embedder and worker at once.',
    look: 'With the gauge above, if it changes between two scrapes.',
  }),

  // Webhooks
  deliveries: counter('foreman_deliveries_total', {
    help: 'Tries to deliver a webhook, by result.',
    labels: { result: DELIVERY_RESULTS },
    look: 'If a receiver misses events: `given_up` was not delivered and will not be tried again.',
  }),
  deliveriesPending: gauge('foreman_deliveries_pending', {
    help: 'Webhooks that are not delivered yet and will be tried (again).',
    look: 'If it only grows: a receiver is down.',
    read: async ({ store }) => one(await store.pendingDeliveries()),
  }),

  // Storage
  storageFull: gauge('foreman_storage_full', {
    help: '1 while nothing is admitted because the disk has no room, else 0.',
    look: 'If submits are refused with `storage_full`.',
    read: ({ disk }) => one(Number(disk.full)),
  }),
  diskFree: gauge('foreman_disk_free_bytes', {
    help: 'Free bytes on the disk of the database, read every 5 s.',
    look: 'Before it falls to foreman_disk_min_free_bytes.',
    read: ({ disk }) => one(disk.freeBytes),
  }),
  minFree: gauge('foreman_disk_min_free_bytes', {
    help: 'Free bytes below which nothing is admitted (FOREMAN_MIN_FREE).',
    look: 'Together with the free bytes.',
    read: ({ config }) => one(config.minFree),
  }),
  databaseBytes: gauge('foreman_database_bytes', {
    help: 'Size of the database and its log, read every 5 s.',
    look: 'If the disk fills up: a shorter FOREMAN_JOB_TTL keeps less.',
    read: ({ disk }) => one(disk.databaseBytes),
  }),

  // The process
  requests: counter('foreman_http_requests_total', {
    help: 'HTTP requests, by the route that they matched.',
    labels: {
      route: 'path of a route, or `other`',
      method: 'HTTP method',
      code: 'HTTP status, or 499 if the caller hung up first',
    },
    look: 'For errors by route: 503 is a full queue, 401 a missing token.',
  }),
  delay: histogram('foreman_event_loop_delay_seconds', {
    help: 'How late the event loop ran a timer that is due every 100 ms.',
    buckets: SHORT,
    look: 'If foreman answers slowly: values above 0.05 s mean that its machine is overloaded.',
  }),
  buildInfo: gauge('foreman_build_info', {
    help: 'Always 1; the labels hold the versions.',
    labels: { version: 'version of foreman', node: 'version of Node' },
    look: 'After an upgrade.',
  }),
  startTime: gauge('process_start_time_seconds', {
    help: 'When foreman became ready, in seconds since 1970.',
    look: 'For restarts: each one changes it.',
  }),
  memory: gauge('process_resident_memory_bytes', {
    help: 'Resident memory of the process.',
    look: 'If it grows for days: please report this bug.',
    read: () => one(process.memoryUsage.rss()),
  }),
  cpu: counter('process_cpu_seconds_total', {
    help: 'CPU time of the process, user and system.',
    look: 'If foreman may be slowing its machine down.',
    read: () => {
      const { user, system } = process.cpuUsage()
      return one((user + system) / 1e6)
    },
  }),
}

export type MetricKey = keyof typeof METRICS
