// Page of one job on a terminal: state, times, tokens, error, artifacts and webhooks. Pure.

import { isFinal } from '../client/index.ts'
import type { DeliveryDocument, JobDocument, UsageDocument } from '../protocol/wire.ts'
import { aheadText, errorHint, errorText, etaText, paintState, speedText, waitingForText } from './job-words.ts'
import { age, bytes, printable, since, styled, table, until } from './terminal.ts'

export function jobPage(job: JobDocument, width: number, now: number): string {
  const lines = [
    row('job', `${printable(job.job_id)}  ${paintState(job.state)}`),
    row('model', printable(job.model)),
    row('endpoint', printable(job.endpoint)),
    ...(job.label === null ? [] : [row('label', printable(job.label))]),
    ...(job.retry_of === null ? [] : [row('retry of', printable(job.retry_of))]),
    row('created', when(job.created_at, now)),
    ...progressLines(job, now),
    ...(job.finished_at === null ? [] : [row('finished', when(job.finished_at, now))]),
    ...timesLines(job),
    ...errorLines(job),
  ]
  if (job.artifacts.length > 0) lines.push('', ...artifactLines(job, width))
  if (job.deliveries.length > 0) lines.push('', ...deliveryLines(job.deliveries, width, now))
  return lines.join('\n')
}

const row = (name: string, text: string): string => `${styled('bold', name.padEnd(9))}  ${text}`

const when = (iso: string, now: number): string => `${printable(iso)}  ${since(iso, now)} ago`

function progressLines(job: JobDocument, now: number): string[] {
  const sent = `${job.attempt} of ${job.max_attempts}`
  if (job.state !== 'queued') return [row('attempt', sent)]
  const eta = (job.eta_seconds ?? 0) < 1 ? '' : `, in about ${etaText(job)}`
  return [
    row('queue', `${aheadText(job.position)}${eta}`),
    ...(job.waiting_for === null ? [] : [row('waits for', waitingForText(job.waiting_for, now))]),
    ...(job.attempt === 0 ? [] : [row('attempt', sent)]),
  ]
}

function timesLines({ timings, usage, done_reason, ...job }: JobDocument): string[] {
  const times = Object.entries({ queued: timings.queue_ms, loading: timings.load_ms, run: timings.run_ms })
    .flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${age(ms)}`]))
    .join(', ')
  const speed = speedText({ ...job, timings, usage, done_reason })
  const tokens =
    usage === null
      ? ''
      : `${usage.prompt_tokens ?? '?'} in${cachedText(usage)}, ${usage.completion_tokens ?? '?'} out${speed === '–' ? '' : `, ${speed} a second`}`
  return [
    ...(times === '' ? [] : [row('times', times)]),
    ...(tokens === '' ? [] : [row('tokens', tokens)]),
    ...(done_reason === null ? [] : [row('reason', printable(done_reason))]),
  ]
}

const cachedText = ({ cached_prompt_tokens: cached }: UsageDocument): string =>
  cached === null ? '' : ` (${cached} of them cached)`

function errorLines({ error, state }: JobDocument): string[] {
  if (error === null) return []
  const status = error.status === null ? '' : `, HTTP ${error.status}`
  const hint = errorHint(error)
  return [
    row(state === 'cancelled' ? 'why' : 'error', styled('red', errorText(error))),
    row('', `${printable(error.code)}${status}`),
    ...(hint === null ? [] : [row('', styled('dim', hint))]),
  ]
}

function artifactLines({ job_id, artifacts, state }: JobDocument, width: number): string[] {
  const rows = artifacts.map(({ name, content_type, bytes: size }) => [
    printable(name),
    bytes(size),
    printable(content_type),
  ])
  const [head = '', ...shown] = table(
    [{ heading: 'ARTIFACT' }, { heading: 'SIZE', align: 'right' }, { heading: 'TYPE', shrinks: true }],
    rows,
    width,
  )
  const hint = isFinal(state) ? [styled('dim', `foreman jobs artifact ${printable(job_id)}`)] : []
  return [styled('bold', head), ...shown, ...hint]
}

function deliveryLines(deliveries: readonly DeliveryDocument[], width: number, now: number): string[] {
  const rows = deliveries.map(({ n, state, status, tries, reason, next_try_at }) => [
    String(n),
    printable(state),
    printable(status.replace('_', ' ')),
    String(tries),
    next_try_at === null ? '' : `in ${until(next_try_at, now)}`,
    printable(reason?.replaceAll('_', ' ') ?? ''),
  ])
  const [head = '', ...shown] = table(
    [
      { heading: 'WEBHOOK', align: 'right' },
      { heading: 'OF' },
      { heading: 'STATUS' },
      { heading: 'TRIES', align: 'right' },
      { heading: 'NEXT' },
      { heading: 'WHY', shrinks: true },
    ],
    rows,
    width,
  )
  return [styled('bold', head), ...shown]
}
