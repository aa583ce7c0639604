// Metrics: names, labels, and labels that must never appear.

import { spawnSync } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import type { Readings } from '../../src/daemon/runtime/metric-entry.ts'
import { MAX_MODEL_LABELS } from '../../src/daemon/runtime/metric-table.ts'
import { Metrics } from '../../src/daemon/runtime/metrics.ts'
import { job } from '../domain/job-example.ts'
import { until } from '../harness.ts'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

const readings = (changes: Partial<Readings> = {}): Readings => ({
  clock: { now: () => 100_000 },
  store: {
    depth: { jobs: 3, bytes: 300 },
    swaps: { swaps: 2, fifoSwaps: 7 },
    backlog: () => Promise.resolve([]),
    pendingDeliveries: () => Promise.resolve(5),
  },
  prober: { status: knownTarget(0), slotsTooFew: false },
  dispatcher: { paused: false, running: null },
  live: { waiting: 4 },
  disk: { full: false, freeBytes: null, databaseBytes: null },
  config: { minFree: 1_000 },
  ...changes,
})

function metricsWith(changes: Partial<Readings> = {}): Metrics {
  const metrics = new Metrics()
  metrics.watch(readings(changes))
  return metrics
}

/** All samples of one metric: labels → value. */
async function samples(metrics: Metrics, name: string): Promise<Record<string, number>> {
  const { body } = await metrics.render()
  const lines = body.split('\n').flatMap((line) => {
    const found = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`).exec(line)
    return found === null ? [] : [[found[1] ?? '', Number(found[2])] as const]
  })
  return Object.fromEntries(lines)
}

test('jobs are counted by final state and model, with their times and tokens', async () => {
  const metrics = metricsWith()
  const measured = {
    loadMs: 250,
    evalMs: null,
    promptTokens: 7,
    completionTokens: 11,
    cachedTokens: 5,
    doneReason: 'stop',
  }
  metrics.jobEnded(
    job({ model: 'Tiny-A', state: 'done', claimedAt: 1_000, workingAt: 2_000, finishedAt: 4_000, measured }),
  )
  metrics.jobEnded(job({ model: 'tiny-a', state: 'failed', claimedAt: 1_000, workingAt: 1_500, finishedAt: 2_000 }))
  expect(await samples(metrics, 'foreman_jobs_total')).toEqual({
    'model="tiny-a:latest",state="done"': 1,
    'model="tiny-a:latest",state="failed"': 1,
  })
  expect(await samples(metrics, 'foreman_tokens_total')).toEqual({
    'model="tiny-a:latest",type="input"': 7,
    'model="tiny-a:latest",type="output"': 11,
  })
  expect(await samples(metrics, 'foreman_cached_prompt_tokens_total')).toEqual({ 'model="tiny-a:latest"': 5 })
  expect(await samples(metrics, 'foreman_job_duration_seconds_sum')).toEqual({ 'model="tiny-a:latest"': 4 })
  expect(await samples(metrics, 'foreman_model_load_seconds_sum')).toEqual({ 'model="tiny-a:latest"': 0.75 })
})

test('a job that was never sent is counted without measurements', async () => {
  const metrics = metricsWith()
  metrics.jobEnded(job({ state: 'cancelled', finishedAt: 5 }))
  expect(await samples(metrics, 'foreman_jobs_total')).toEqual({ 'model="tiny-a:latest",state="cancelled"': 1 })
  expect(await samples(metrics, 'foreman_job_duration_seconds_count')).toEqual({})
})

test('a model that is not installed has the label `other`, so that a caller cannot create labels', async () => {
  const metrics = metricsWith()
  metrics.jobEnded(job({ model: 'x"} 1\nevil_metric 1', state: 'done' }))
  metrics.jobEnded(job({ model: 'nope', state: 'done' }))
  expect(await samples(metrics, 'foreman_jobs_total')).toEqual({ 'model="other",state="done"': 2 })
})

test('at most fifty models have a label, however many are installed', async () => {
  const { inventory } = knownTarget(0)
  if (inventory === null) throw new Error('no inventory')
  const names = Array.from({ length: 150 }, (_, i) => `m${i}:latest`)
  const installed = new Map(names.map((name) => [name, { name, digest: 'd', modifiedAt: '' }]))
  const metrics = metricsWith({
    prober: { status: { ...knownTarget(0), inventory: { ...inventory, installed } }, slotsTooFew: false },
  })
  for (const model of names) metrics.jobEnded(job({ model, state: 'done' }))
  const counted = await samples(metrics, 'foreman_jobs_total')
  expect(Object.keys(counted)).toHaveLength(MAX_MODEL_LABELS + 1)
  expect(counted['model="other",state="done"']).toBe(150 - MAX_MODEL_LABELS)
})

test('the wait of a job ends at its first sending, not at a later one', async () => {
  const metrics = metricsWith()
  metrics.jobSent(job({ createdAt: 1_000, startedAt: 3_000, claimedAt: 3_000 }), 3_000)
  metrics.jobSent(job({ createdAt: 1_000, startedAt: 3_000, claimedAt: 60_000 }), 60_000)
  expect(await samples(metrics, 'foreman_queue_wait_seconds_count')).toEqual({ 'model="tiny-a:latest"': 1 })
  expect(await samples(metrics, 'foreman_queue_wait_seconds_sum')).toEqual({ 'model="tiny-a:latest"': 2 })
})

test('histograms reach an hour, because a queue may be that long', async () => {
  const metrics = metricsWith()
  const times = { claimedAt: 1_000, startedAt: 1_000, workingAt: 2_000, finishedAt: 4_000 }
  metrics.jobSent(job(times), 1_000)
  metrics.observe('firstByte', 1, { model: 'tiny-a' })
  metrics.jobEnded(job({ ...times, state: 'done' }))
  for (const name of [
    'foreman_queue_wait_seconds',
    'foreman_model_load_seconds',
    'foreman_job_duration_seconds',
    'foreman_time_to_first_token_seconds',
  ]) {
    expect(Object.keys(await samples(metrics, `${name}_bucket`))).toContain('le="3600",model="tiny-a:latest"')
  }
})

test('queue metrics are read at the scrape', async () => {
  const backlog = [
    { model: 'tiny-a', jobs: 2, oldestAt: 40_000 },
    { model: 'nope', jobs: 1, oldestAt: 90_000 },
    { model: 'neither', jobs: 4, oldestAt: 99_000 },
  ]
  const store = { ...readings().store, backlog: () => Promise.resolve(backlog) }
  const metrics = metricsWith({ store, dispatcher: { paused: true, running: { job: { claimedAt: 93_000 } } } })
  expect(await samples(metrics, 'foreman_queue_depth')).toEqual({ 'model="tiny-a:latest"': 2, 'model="other"': 5 })
  expect(await samples(metrics, 'foreman_queue_oldest_seconds')).toEqual({ '': 60 })
  expect(await samples(metrics, 'foreman_queue_bytes')).toEqual({ '': 300 })
  expect(await samples(metrics, 'foreman_swaps_total')).toEqual({ '': 2 })
  expect(await samples(metrics, 'foreman_swaps_saved')).toEqual({ '': 5 })
  expect(await samples(metrics, 'foreman_callers')).toEqual({ '': 4 })
  expect(await samples(metrics, 'foreman_paused')).toEqual({ '': 1 })
  expect(await samples(metrics, 'foreman_running_job_seconds')).toEqual({ '': 7 })
  backlog.length = 0
  expect(await samples(metrics, 'foreman_queue_depth')).toEqual({})
  expect(await samples(metrics, 'foreman_queue_oldest_seconds')).toEqual({ '': 0 })
})

test('the oldest wait is that of the current scrape, whichever gauge is read first', async () => {
  const backlog = [{ model: 'tiny-a', jobs: 1, oldestAt: 40_000 }]
  const metrics = metricsWith({ store: { ...readings().store, backlog: () => Promise.resolve(backlog) } })
  expect(await samples(metrics, 'foreman_queue_oldest_seconds')).toEqual({ '': 60 })
})

test('two scrapes at once see the same depth, not the sum', async () => {
  const backlog = [{ model: 'tiny-a', jobs: 2, oldestAt: 40_000 }]
  const metrics = metricsWith({ store: { ...readings().store, backlog: () => Promise.resolve(backlog) } })
  const both = await Promise.all([1, 2].map(() => samples(metrics, 'foreman_queue_depth')))
  expect(both).toEqual([{ 'model="tiny-a:latest"': 2 }, { 'model="tiny-a:latest"': 2 }])
})

test('a stall of the event loop is in the histogram, however often it is scraped', async () => {
  const metrics = metricsWith()
  onTestFinished(() => metrics.stop())
  metrics.start()
  const started = performance.now()
  while (performance.now() - started < 300);
  const stalls = async (): Promise<number> => {
    const seen = await samples(metrics, 'foreman_event_loop_delay_seconds_bucket')
    return (seen['le="+Inf"'] ?? 0) - (seen['le="0.1"'] ?? 0)
  }
  await until('the stall was measured', async () => (await stalls()) >= 1)
  expect(await stalls()).toBeGreaterThanOrEqual(1)
})

test('promtool finds no problem in the metrics', async (context) => {
  const { error } = spawnSync('promtool', ['--version'])
  context.skip(error !== undefined, 'promtool (Debian: prometheus) is not installed')
  const metrics = metricsWith()
  metrics.jobEnded(job({ state: 'done', claimedAt: 1_000, workingAt: 2_000, finishedAt: 4_000 }))
  const { body } = await metrics.render()
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})

test('an unknown value has no sample instead of 0', async () => {
  const unread = metricsWith()
  expect(await samples(unread, 'foreman_disk_free_bytes')).toEqual({})
  const read = metricsWith({ disk: { full: true, freeBytes: 700, databaseBytes: 40 } })
  expect(await samples(read, 'foreman_disk_free_bytes')).toEqual({ '': 700 })
  expect(await samples(read, 'foreman_database_bytes')).toEqual({ '': 40 })
  expect(await samples(read, 'foreman_disk_min_free_bytes')).toEqual({ '': 1_000 })
  expect(await samples(read, 'foreman_storage_full')).toEqual({ '': 1 })
})

test('the target is up if its last probe succeeded', async () => {
  for (const [reachable, up] of [
    [true, 1],
    [false, 0],
    [null, 0],
  ] as const) {
    expect(
      await samples(
        metricsWith({ prober: { status: knownTarget(0, { reachable }), slotsTooFew: false } }),
        'foreman_target_up',
      ),
    ).toEqual({ '': up })
  }
})

test('all other events are counted under their names', async () => {
  const metrics = metricsWith()
  metrics.inc('attempts', { outcome: 'completed' })
  metrics.inc('attempts', { outcome: 'connection_lost' })
  metrics.add('relayed', 10)
  metrics.add('relayed', 5)
  metrics.observe('firstByte', 0.5, { model: 'tiny-a' })
  metrics.inc('probes', { result: 'answered' })
  metrics.inc('probes', { result: 'unanswered' })
  metrics.add('embeds', 2)
  metrics.add('embedding', 2)
  metrics.add('embedding', -1)
  metrics.inc('embedsRefused')
  metrics.set('embedsWaiting', 3)
  metrics.inc('disconnects')
  metrics.inc('slots')
  metrics.inc('requests', { route: '/api/tags', method: 'GET', code: 200 })
  expect(await samples(metrics, 'foreman_attempts_total')).toMatchObject({
    'outcome="completed"': 1,
    'outcome="connection_lost"': 1,
  })
  expect(await samples(metrics, 'foreman_relay_bytes_total')).toEqual({ '': 15 })
  expect(await samples(metrics, 'foreman_time_to_first_token_seconds_sum')).toEqual({ 'model="tiny-a:latest"': 0.5 })
  expect(await samples(metrics, 'foreman_target_probes_total')).toEqual({
    'result="answered"': 1,
    'result="unanswered"': 1,
  })
  expect(await samples(metrics, 'foreman_embeddings_total')).toEqual({ '': 2 })
  expect(await samples(metrics, 'foreman_embeddings_in_flight')).toEqual({ '': 1 })
  expect(await samples(metrics, 'foreman_embeddings_refused_total')).toEqual({ '': 1 })
  expect(await samples(metrics, 'foreman_embeddings_waiting')).toEqual({ '': 3 })
  expect(await samples(metrics, 'foreman_client_disconnects_total')).toEqual({ '': 1 })
  expect(await samples(metrics, 'foreman_slot_warnings_total')).toEqual({ '': 1 })
  expect(await samples(metrics, 'foreman_http_requests_total')).toEqual({
    'route="/api/tags",method="GET",code="200"': 1,
  })
})

test('every sample is a number, every name has a known prefix, and every metric has a description', async () => {
  const { body } = await metricsWith().render()
  for (const line of body.split('\n').filter((text) => text !== '' && !text.startsWith('#'))) {
    expect(line).toMatch(/^(foreman|process)_[a-z_]+(\{[^}]*\})? [\d.e+-]+$/)
  }
  const helps = body.match(/^# HELP \S+ \S/gm) ?? []
  expect(helps).toHaveLength((body.match(/^# TYPE/gm) ?? []).length)
})

test('webhooks are counted by outcome, and pending ones are shown', async () => {
  const metrics = metricsWith()
  metrics.inc('deliveries', { result: 'delivered' })
  metrics.inc('deliveries', { result: 'again' })
  metrics.inc('deliveries', { result: 'again' })
  expect(await samples(metrics, 'foreman_deliveries_total')).toMatchObject({
    'result="delivered"': 1,
    'result="again"': 2,
  })
  expect(await samples(metrics, 'foreman_deliveries_pending')).toEqual({ '': 5 })
})

test('two daemons in one process count separately', async () => {
  const [one, other] = [metricsWith(), metricsWith()]
  one.inc('disconnects')
  expect(await samples(other, 'foreman_client_disconnects_total')).toEqual({ '': 0 })
})

test("GET /metrics counts requests by route, never by the caller's path", async () => {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target)
  harness.status = knownTarget(0)
  for (const path of ['/api/tags', '/v1/models/tiny-a', '/secret/path']) await (await fetch(harness.url + path)).text()
  const answer = await fetch(`${harness.url}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const body = await answer.text()
  expect(body).toContain('foreman_http_requests_total{route="/api/tags",method="GET",code="200"} 1')
  expect(body).toContain('foreman_http_requests_total{route="/v1/models/{model}",method="GET",code="200"} 1')
  expect(body).toContain('foreman_http_requests_total{route="other",method="GET",code="404"} 1')
  expect(body).not.toContain('secret')
})
